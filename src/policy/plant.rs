//! How the replicas of a service follow what is asked for: a new one serves after the start-up delay, and
//! one too many goes at once, those that are still starting first.
//!
//! The simulator moves its service by this, and the default policy the services that it keeps in its head:
//! what is expected of a policy and what it is measured by are one function.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Replicas that serve, and replicas that are starting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plant {
    ready: u32,
    /// When how many will serve, in the order in which they were asked for.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    starting: VecDeque<(Timestamp, u32)>,
}

impl Plant {
    /// A service of which this many replicas serve.
    pub fn new(ready: u32) -> Self {
        Self { ready, starting: VecDeque::new() }
    }

    /// Time has come to `at`: those that have started until then serve. Tells how many serve now.
    pub fn tick(&mut self, at: Timestamp) -> u32 {
        // A delay that changes between two requests lets the later one arrive first.
        let ready = &mut self.ready;
        self.starting.retain(|(arrival, count)| {
            let starting = *arrival > at;
            if !starting {
                *ready = ready.saturating_add(*count);
            }
            starting
        });
        self.ready
    }

    /// Asks at `at` for this many replicas in all; new ones serve after `delay`, without one at once.
    pub fn scale_to(&mut self, wanted: u32, at: Timestamp, delay: Duration) {
        let present = self.wanted();
        if wanted > present {
            let more = wanted - present;
            if delay.is_zero() {
                self.ready += more;
            } else {
                self.starting.push_back((at.plus(delay), more));
            }
        } else {
            self.stop(present - wanted);
        }
    }

    /// Stops this many: those that were asked for last first, then those that serve.
    fn stop(&mut self, mut count: u32) {
        while count > 0
            && let Some((_, starting)) = self.starting.back_mut()
        {
            let stopped = count.min(*starting);
            *starting -= stopped;
            count -= stopped;
            if *starting == 0 {
                self.starting.pop_back();
            }
        }
        self.ready = self.ready.saturating_sub(count);
    }

    /// How many serve.
    pub fn ready(&self) -> u32 {
        self.ready
    }

    /// How many were asked for: those that serve and those that are starting.
    pub fn wanted(&self) -> u32 {
        self.starting.iter().fold(self.ready, |sum, (_, count)| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(120);

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    #[test]
    fn a_new_replica_serves_after_the_delay() {
        let mut plant = Plant::new(10);
        plant.scale_to(13, minute(0), DELAY);
        assert_eq!((plant.ready(), plant.wanted()), (10, 13));
        assert_eq!(plant.tick(minute(1)), 10);
        plant.scale_to(14, minute(1), DELAY);
        assert_eq!(plant.tick(minute(2)), 13);
        assert_eq!(plant.tick(minute(3)), 14);
        assert_eq!(plant.wanted(), 14);
    }

    #[test]
    fn a_late_tick_finds_all_that_have_started() {
        let mut plant = Plant::new(1);
        plant.scale_to(2, minute(0), DELAY);
        plant.scale_to(4, minute(1), DELAY);
        assert_eq!(plant.tick(minute(60)), 4);
    }

    #[test]
    fn those_that_are_starting_stop_first_the_newest_before_all() {
        let mut plant = Plant::new(5);
        plant.scale_to(7, minute(0), DELAY);
        plant.scale_to(10, minute(1), DELAY);
        plant.scale_to(6, minute(1), DELAY);
        assert_eq!((plant.ready(), plant.wanted()), (5, 6));
        assert_eq!(plant.tick(minute(2)), 6);
        plant.scale_to(8, minute(2), DELAY);
        plant.scale_to(3, minute(3), DELAY);
        assert_eq!((plant.ready(), plant.wanted()), (3, 3), "who serves goes at once");
    }

    #[test]
    fn without_a_delay_they_serve_at_once() {
        let mut plant = Plant::new(1);
        plant.scale_to(3, minute(0), Duration::ZERO);
        assert_eq!((plant.ready(), plant.wanted()), (3, 3));
        plant.scale_to(0, minute(0), Duration::ZERO);
        assert_eq!(plant.ready(), 0);
    }

    #[test]
    fn a_shorter_delay_overtakes_a_longer_one() {
        let mut plant = Plant::new(1);
        plant.scale_to(2, minute(0), 10 * DELAY);
        plant.scale_to(4, minute(1), DELAY);
        assert_eq!(plant.tick(minute(3)), 3);
        assert_eq!(plant.tick(minute(20)), 4);
    }

    #[test]
    fn what_is_handed_on_as_json_goes_on_alike() {
        let mut plant = Plant::new(5);
        plant.scale_to(7, minute(0), DELAY);
        let text = serde_json::to_string(&plant).unwrap();
        let mut copy: Plant = serde_json::from_str(&text).unwrap();
        assert_eq!(copy, plant);
        assert_eq!(copy.tick(minute(2)), plant.tick(minute(2)));
    }
}
