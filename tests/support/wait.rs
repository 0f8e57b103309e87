//! Waiting for a condition of another process, the one place that polls.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long tests wait for what takes a second at most on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `condition` again and again until it is `Ok`, and gives its value.
///
/// # Panics
/// After `deadline`, with `what` and the last `Err`: let it say what was seen instead.
pub async fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= end => {
                panic!("waited {deadline:?} for {what}, last seen: {seen}")
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Runs `work` to its end where nothing can be awaited, as in a `Drop`. A panic in it ends here, with
/// its message on stderr: a second one while a test fails would abort all tests.
pub fn block_on(work: impl AsyncFnOnce() + Send) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(work());
    };
    // A thread of its own, since a test's runtime cannot be entered twice.
    let _ = std::thread::scope(|scope| scope.spawn(run).join());
}
