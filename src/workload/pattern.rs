//! How much load there is at a moment.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::RngExt;

use super::random_at;

/// A rate over time. A pure function of the time since the start: nothing is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it looks like.
    pub shape: Shape,
    /// The base, in requests a second.
    pub rate: f64,
    /// The height, in requests a second. [`Shape::Constant`] and [`Shape::Daily`] have none.
    pub peak: f64,
    /// The length of one step, ramp, wave, slot or day.
    pub period: Duration,
    /// Decides what is left to chance.
    pub seed: u64,
}

/// What a pattern looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// `rate`, always.
    Constant,
    /// `rate` for one period, `peak` for the next, and so on.
    Step,
    /// From `rate` to `peak` within one period, then `peak`.
    Ramp,
    /// A wave between `rate` and `peak`, from the trough, one period long.
    Sine,
    /// Each period is at `peak` with this probability, else at `rate`.
    Spike(f64),
    /// Days and weeks of a service that people use; a period is a day.
    Daily(Daily),
}

/// Demand by the minute of a service that people use, in requests a minute:
///
/// `(18 + amplitude · sin(2π·day)) · (1.25 on weekdays, 0.75 at weekends) + 3 · days/14 + N(0, 1.8²)`
/// `+ spike`, never below 0. The first day is a Wednesday.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Daily {
    /// Half the difference of day and night.
    pub amplitude: f64,
    /// The probability of a spike, each minute.
    pub spike_probability: f64,
    /// The least and the greatest height of a spike.
    pub spike_range: (f64, f64),
}

const MINUTES_A_DAY: f64 = 1440.0;

impl Daily {
    /// The demand around which the day swings, in requests a minute.
    pub const BASE: f64 = 18.0;

    /// Some spikes.
    pub const MIXED: Self =
        Self { amplitude: 10.0, spike_probability: 0.003, spike_range: (40.0, 120.0) };
    /// Hardly any.
    pub const SMOOTH: Self =
        Self { amplitude: 7.0, spike_probability: 0.0005, spike_range: (40.0, 120.0) };
    /// Many, and high.
    pub const SPIKY: Self =
        Self { amplitude: 12.0, spike_probability: 0.01, spike_range: (70.0, 180.0) };

    /// The demand in minute `minute`, in requests a minute.
    pub fn demand(&self, minute: u64, seed: u64) -> f64 {
        self.minute(minute, seed).demand
    }

    /// Minute `minute`.
    pub fn minute(&self, minute: u64, seed: u64) -> Minute {
        let days = minute as f64 / MINUTES_A_DAY;
        let day_of_week = (days as u64 + 2) % 7;
        let weekly = if day_of_week < 5 { 1.25 } else { 0.75 };
        let trend = 3.0 * days / 14.0;
        let mut random = random_at(seed, minute);
        // Box and Muller's transform; 1 - u, as the logarithm of 0 is not a number.
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let noise = 1.8 * radius * (TAU * random.random::<f64>()).cos();
        let spike = match random.random_bool(self.spike_probability) {
            true => random.random_range(self.spike_range.0..self.spike_range.1),
            false => 0.0,
        };
        let swing = Self::BASE + self.amplitude * (TAU * days).sin();
        let demand = (swing * weekly + trend + noise + spike).max(0.0);
        Minute { demand, is_event: spike > 0.0 }
    }
}

/// A minute of [`Daily`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minute {
    /// In requests a minute.
    pub demand: f64,
    /// Whether it is a spike.
    pub is_event: bool,
}

impl Pattern {
    /// The rate `elapsed` after the start, in requests a second; never negative.
    pub fn rate_at(&self, elapsed: Duration) -> f64 {
        let periods = elapsed.as_secs_f64() / self.period.as_secs_f64();
        let between = |share: f64| self.rate + (self.peak - self.rate) * share;
        let rate = match self.shape {
            Shape::Constant => self.rate,
            Shape::Step => between((periods as u64 % 2) as f64),
            Shape::Ramp => between(periods.min(1.0)),
            Shape::Sine => between((1.0 - (TAU * periods).cos()) / 2.0),
            Shape::Spike(likelihood) => {
                let hit = random_at(self.seed, periods as u64).random_bool(likelihood);
                between(f64::from(u8::from(hit)))
            }
            Shape::Daily(daily) => {
                let minute = (periods * MINUTES_A_DAY) as u64;
                self.rate * daily.demand(minute, self.seed) / Daily::BASE
            }
        };
        rate.max(0.0)
    }

    /// The moments at which requests are due, since the start, up to `duration`: as many as the rate
    /// sums up to, evenly spaced within every [`SLOT`].
    pub fn arrivals(&self, duration: Duration) -> impl Iterator<Item = Duration> {
        let slots = duration.div_duration_f64(SLOT).ceil() as u32;
        let mut owed = 0.0;
        (0..slots)
            .flat_map(move |slot| {
                let start = SLOT * slot;
                let rate = self.rate_at(start);
                let before = owed;
                owed += rate * SLOT.as_secs_f64();
                let due = (owed + ROUNDING).floor();
                owed -= due;
                (1..=due as u64)
                    .map(move |n| start + Duration::from_secs_f64((n as f64 - before) / rate))
            })
            .take_while(move |at| *at <= duration + Duration::from_secs_f64(ROUNDING))
    }
}

/// How often [`Pattern::arrivals`] looks at the rate.
const SLOT: Duration = Duration::from_millis(10);

/// What adding up hundredths of a second may lose. Without it, 10 requests a second are none in the
/// first 0.1 s.
const ROUNDING: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(shape: Shape) -> Pattern {
        Pattern { shape, rate: 10.0, peak: 30.0, period: Duration::from_secs(60), seed: 7 }
    }

    fn rates(shape: Shape, seconds: &[u64]) -> Vec<f64> {
        let pattern = pattern(shape);
        seconds.iter().map(|s| pattern.rate_at(Duration::from_secs(*s)).round()).collect()
    }

    #[test]
    fn shapes() {
        let at = [0, 15, 30, 45, 59, 60, 90, 120, 180];
        assert_eq!(rates(Shape::Constant, &at), [10.0; 9]);
        let step = [10.0, 10.0, 10.0, 10.0, 10.0, 30.0, 30.0, 10.0, 30.0];
        assert_eq!(rates(Shape::Step, &at), step);
        let ramp = [10.0, 15.0, 20.0, 25.0, 30.0, 30.0, 30.0, 30.0, 30.0];
        assert_eq!(rates(Shape::Ramp, &at), ramp);
        let sine = [10.0, 20.0, 30.0, 20.0, 10.0, 10.0, 30.0, 10.0, 10.0];
        assert_eq!(rates(Shape::Sine, &at), sine);
    }

    #[test]
    fn spikes_fill_their_share_of_the_slots() {
        let pattern = pattern(Shape::Spike(0.2));
        let spikes = (0..10_000)
            .filter(|slot| pattern.rate_at(Duration::from_secs(60 * slot)) == 30.0)
            .count();
        // Five standard deviations of a binomial distribution: 200.
        assert!(spikes.abs_diff(2000) < 200, "{spikes} of 10000");
    }

    #[test]
    fn days_and_weeks() {
        let mean = |from_day: u64, from_hour: u64, hours: u64| {
            let minutes =
                (from_day * 24 + from_hour) * 60..(from_day * 24 + from_hour + hours) * 60;
            let count = (hours * 60) as f64;
            minutes.map(|minute| Daily::SMOOTH.demand(minute, 7)).sum::<f64>() / count
        };
        // Without noise and spikes: 18 · 1.25 and 18 · 0.75 a day, plus the trend.
        assert!((mean(0, 0, 24) - 22.5).abs() < 1.0, "Wednesday: {}", mean(0, 0, 24));
        assert!((mean(3, 0, 24) - 13.5 - 0.75).abs() < 1.0, "Saturday: {}", mean(3, 0, 24));
        // The wave is highest in the first half of the day: 7 · 1.25 · 2/π on average.
        let swing = (mean(0, 0, 12) - mean(0, 12, 12)) / 2.0;
        assert!((swing - 7.0 * 1.25 * 2.0 / std::f64::consts::PI).abs() < 0.7, "{swing}");
    }

    #[test]
    fn events_are_the_minutes_that_stand_out() {
        let minutes: Vec<Minute> = (0..20_160).map(|m| Daily::SPIKY.minute(m, 7)).collect();
        let events = minutes.iter().filter(|minute| minute.is_event);
        assert!(events.clone().all(|minute| minute.demand > 60.0));
        // Five standard deviations of a binomial distribution: 71.
        assert!(events.count().abs_diff(202) < 71);
    }

    #[test]
    fn the_seed_decides_what_chance_does() {
        let series = |seed| (0..100).map(|m| Daily::MIXED.demand(m, seed)).collect::<Vec<_>>();
        assert_eq!(series(7), series(7));
        assert_ne!(series(7), series(8));
    }

    #[test]
    fn arrivals_of_a_constant_rate_are_even() {
        let pattern = Pattern { rate: 10.0, ..pattern(Shape::Constant) };
        let arrivals: Vec<_> = pattern.arrivals(Duration::from_millis(305)).collect();
        let expected = [0.1, 0.2, 0.3];
        assert_eq!(arrivals.len(), expected.len(), "{arrivals:?}");
        for (at, expected) in arrivals.iter().zip(expected) {
            assert!((at.as_secs_f64() - expected).abs() < 1e-5, "{arrivals:?}");
        }
    }

    proptest! {
        #[test]
        fn there_are_as_many_arrivals_as_the_rate_sums_up_to(
            rate in 0.0..3000.0, peak in 0.0..3000.0, seconds in 1u64..5,
        ) {
            let pattern = Pattern {
                rate, peak, period: Duration::from_secs(seconds), ..pattern(Shape::Ramp)
            };
            let arrivals: Vec<_> = pattern.arrivals(Duration::from_secs(seconds)).collect();
            let expected = (rate + peak) / 2.0 * seconds as f64;
            // The rate is looked at once a slot, at its start.
            let coarse = (peak - rate).abs() * SLOT.as_secs_f64();
            prop_assert!((arrivals.len() as f64 - expected).abs() <= 1.5 + coarse);
            prop_assert!(arrivals.is_sorted());
        }
    }
}
