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
