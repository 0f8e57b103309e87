//! Using up CPU time and memory on purpose.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Computes until the calling thread has used `cpu_time` more. In a throttled container that takes
/// longer than it says.
pub fn spin(cpu_time: Duration) {
    let end = thread_cpu_time() + cpu_time;
    while thread_cpu_time() < end {
        // Long enough that asking for the time, a system call, costs next to nothing.
        let mut state = 1u64;
        for _ in 0..10_000 {
            state = black_box(state.wrapping_mul(6364136223846793005).wrapping_add(1));
        }
    }
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Memory that is really there: every page was written to.
#[derive(Debug)]
pub struct Held {
    _pages: Vec<u8>,
}

impl Held {
    /// Takes `bytes`, and keeps them until dropped.
    pub fn new(bytes: usize) -> Self {
        // Not 0: zeroed memory comes from the kernel as one shared page.
        Self { _pages: black_box(vec![1; bytes]) }
    }
}

/// Threads that keep cores busy until this is dropped.
#[derive(Debug)]
pub struct Burner {
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
}

/// Short against the 100 ms over which the kernel enforces a CPU quota.
const CYCLE: Duration = Duration::from_millis(20);

impl Burner {
    /// Keeps `cores` busy: 2.5 are two whole ones and half the time of a third.
    pub fn start(cores: f64) -> Self {
        let shares = (0..cores.ceil() as u32).map(|whole| (cores - f64::from(whole)).min(1.0));
        let threads = shares.map(|share| {
            let (stop, stopped) = channel();
            (stop, thread::spawn(move || keep_busy(share, &stopped)))
        });
        Self { threads: threads.collect() }
    }
}

/// Uses `share` of one core's time until the other end of `stopped` is gone.
fn keep_busy(share: f64, stopped: &Receiver<()>) {
    loop {
        let start = Instant::now();
        spin(CYCLE.mul_f64(share));
        let rest = match share < 1.0 {
            true => CYCLE.saturating_sub(start.elapsed()),
            false => Duration::ZERO,
        };
        if stopped.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        for (stop, thread) in self.threads.drain(..) {
            drop(stop);
            // An error is a panic of the thread, reported already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinning_uses_the_time_asked_for() {
        let before = thread_cpu_time();
        spin(Duration::from_millis(30));
        assert!(thread_cpu_time() - before >= Duration::from_millis(30));
    }

    #[test]
    fn a_burner_has_a_thread_a_core_begun() {
        for (cores, threads) in [(0.0, 0), (0.25, 1), (1.0, 1), (1.5, 2)] {
            assert_eq!(Burner::start(cores).threads.len(), threads, "{cores} cores");
        }
    }
}
