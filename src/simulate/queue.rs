//! How long an answer takes when work that was not done waits.
//!
//! The model, openly: `c` replicas are `c` servers of one request each, that serve `capacity` a step
//! together with their share of the queue; a request takes [`Queue::service_seconds`] once it is its
//! turn. Load that finds no capacity waits, first come first served, and goes on waiting in the next
//! step; the queue holds what the replicas do in a minute, and what comes on top is refused. To the wait
//! behind the queue comes the wait of a busy system by Sakasegawa's approximation for G/G/c with Poisson
//! arrivals and exponential service (M/M/c), at a use of at most 99 %:
//! `wait = service · use^(√(2(c + 1)) − 1) / (c · (1 − use))`. It is the mean of the step, no quantile
//! over requests.

/// The queue before the replicas of one service.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// How long a request takes once it is its turn.
    pub service_seconds: f64,
    /// The time of a step.
    pub step_seconds: f64,
    /// The load that waits.
    waiting: f64,
}

/// What became of a step's load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// The mean time from a request to its answer.
    pub response_seconds: f64,
    /// The load that waits at the end of the step.
    pub waiting: f64,
    /// The load that was refused.
    pub refused: f64,
}

/// The queue holds what the replicas do in this time.
const QUEUE_SECONDS: f64 = 60.0;

/// The use at which the wait of a busy system is cut off: what is beyond stands in the queue.
const MOST_USE: f64 = 0.99;

impl Queue {
    /// An empty one.
    pub fn new(service_seconds: f64, step_seconds: f64) -> Self {
        Self { service_seconds, step_seconds, waiting: 0.0 }
    }

    /// A step in which `replicas` that do `capacity` each are asked for `load`.
    pub fn pass(&mut self, load: f64, replicas: u32, capacity: f64) -> Passed {
        let (servers, before) = (f64::from(replicas), self.waiting);
        let done = servers * capacity;
        let left = (before + load - done).max(0.0);
        let room = done / self.step_seconds * QUEUE_SECONDS;
        self.waiting = left.min(room);
        let used = ((before + load) / done).min(MOST_USE);
        let busy = used.powf((2.0 * (servers + 1.0)).sqrt() - 1.0) / (servers * (1.0 - used));
        let queued = f64::midpoint(before, self.waiting) / done * self.step_seconds;
        Passed {
            response_seconds: self.service_seconds * (1.0 + busy) + queued,
            waiting: self.waiting,
            refused: left - self.waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_server_is_the_text_book() {
        // M/M/1 at half its capacity: twice the service time.
        let passed = Queue::new(0.04, 60.0).pass(5.0, 1, 10.0);
        assert!((passed.response_seconds - 0.08).abs() < 1e-12, "{passed:?}");
    }

    #[test]
    fn what_is_left_waits_and_then_is_done() {
        let mut queue = Queue::new(0.04, 60.0);
        assert_eq!(queue.pass(15.0, 1, 10.0).waiting, 5.0);
        assert_eq!(queue.pass(30.0, 1, 10.0), {
            let response_seconds = 0.04 * (1.0 + 0.99 / 0.01) + 7.5 / 10.0 * 60.0;
            let used = 0.99_f64.powf(4.0_f64.sqrt() - 1.0);
            assert_eq!(used, 0.99);
            Passed { response_seconds, waiting: 10.0, refused: 15.0 }
        });
        assert_eq!(queue.pass(0.0, 2, 10.0).waiting, 0.0);
    }

    proptest! {
        #[test]
        fn more_replicas_never_make_it_slower(
            loads in prop::collection::vec(0.0..500.0, 1..40), replicas in 1u32..50,
        ) {
            let (mut few, mut many) = (Queue::new(0.04, 60.0), Queue::new(0.04, 60.0));
            for load in loads {
                let slow = few.pass(load, replicas, 10.0);
                let quick = many.pass(load, replicas + 1, 10.0);
                prop_assert!(slow.response_seconds.is_finite());
                // Where both queues are full the longer one also holds more; the wait is the same.
                if slow.refused == 0.0 {
                    prop_assert!(quick.response_seconds <= slow.response_seconds * (1.0 + 1e-9));
                }
            }
        }
    }
}
