//! The model at work: told every sample, fitted anew every three days.

use std::time::Duration;

use super::{LEVELS, NAME, ShortTerm};
use crate::forecast::{Forecast, Horizon, Series};

/// How often it is fitted anew: a fit takes seconds.
const REFIT: Duration = Duration::from_secs(3 * 86_400);

/// After how long it is tried again where there was too little to learn from.
const RETRY: Duration = Duration::from_secs(3600);

/// What is remembered: the rows that are learnt from, and a week before them.
const MEMORY: Duration = Duration::from_secs(25 * 86_400);

/// How much more may be held until it is dropped at once.
const SLACK: Duration = Duration::from_secs(86_400);

/// A [`ShortTerm`] and the past that the next one will be fitted to.
#[derive(Clone, Debug)]
pub struct Learner {
    past: Series,
    ahead: usize,
    unit: f64,
    model: Option<Box<ShortTerm>>,
    /// Samples until the next fit.
    wait: usize,
}

impl Learner {
    /// Knows `past`, and learns from it at the first [`Learner::refit`]: what the load does `ahead` steps
    /// after a sample, in units of `unit`, which one replica bears.
    pub fn new(past: Series, ahead: usize, unit: f64) -> Self {
        Self { past, ahead, unit, model: None, wait: 0 }
    }

    /// The same past for another question, to be learnt at the next [`Learner::refit`].
    pub fn ask(&mut self, ahead: usize, unit: f64) {
        if (self.ahead, self.unit.to_bits()) != (ahead, unit.to_bits()) {
            *self = Self::new(self.past.clone(), ahead, unit);
        }
    }

    /// Takes in the sample one step after the newest one; not a number where nothing was measured.
    pub fn update(&mut self, value: f64) {
        self.past.values.push(value);
        if self.past.values.len() >= self.past.steps(MEMORY) + self.past.steps(SLACK) {
            self.past = self.newest();
        }
        if let Some(model) = &mut self.model {
            model.update(value);
        }
        self.wait = self.wait.saturating_sub(1);
    }

    /// Whether the model is to be fitted anew, which takes up to seconds: [`Learner::refit`].
    pub fn due(&self) -> bool {
        self.wait == 0 && !self.past.values.is_empty()
    }

    /// Fits the model to what is remembered. Where that is too little, the one before stays.
    pub fn refit(&mut self) {
        let fitted = ShortTerm::fit(&self.newest(), self.ahead, self.unit);
        self.wait = self.past.steps(if fitted.is_ok() { REFIT } else { RETRY });
        if let Ok(fitted) = fitted {
            self.model = Some(Box::new(fitted));
        }
    }

    /// The part of the past that counts.
    fn newest(&self) -> Series {
        let held = self.past.values.len();
        self.past.part(held.saturating_sub(self.past.steps(MEMORY))..held)
    }

    /// What is expected from the newest sample on; `None` before the first fit.
    pub fn forecast(&self) -> Option<Forecast> {
        let model = self.model.as_ref()?;
        let steps = u32::try_from(self.ahead).unwrap_or(u32::MAX);
        let horizon = Horizon {
            after: self.past.step.saturating_mul(steps),
            values: model.predict().to_vec(),
        };
        let forecast = Forecast {
            origin: self.past.at(self.past.values.len().saturating_sub(1)),
            model: NAME.into(),
            levels: LEVELS.to_vec(),
            horizons: vec![horizon],
        };
        forecast.of_load()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timestamp;

    const HOUR: usize = 60;
    const DAY: usize = 24 * HOUR;

    /// A load by the minute that doubles in the first ten minutes of every hour.
    fn past(minutes: usize) -> Series {
        Series {
            start: Timestamp::from_millis(1_700_000_040_000),
            step: Duration::from_secs(60),
            values: (0..minutes).map(load).collect(),
        }
    }

    fn load(minute: usize) -> f64 {
        if minute % HOUR < 10 { 20.0 } else { 10.0 }
    }

    #[test]
    fn too_little_is_tried_again_after_an_hour() {
        let mut learner = Learner::new(past(0), 2, 1.0);
        assert!(!learner.due(), "nothing to learn from");
        let mut tries = Vec::new();
        for minute in 0..DAY {
            learner.update(load(minute));
            if learner.due() {
                learner.refit();
                tries.push(minute);
            }
            assert_eq!(learner.forecast().is_some(), minute >= 6 * HOUR, "minute {minute}");
        }
        assert_eq!(tries, [0, 60, 120, 180, 240, 300, 360]);
    }

    #[test]
    fn it_is_fitted_anew_and_forgets_what_it_learns_from_no_more() {
        let mut learner = Learner::new(past(25 * DAY), 2, 1.0);
        learner.refit();
        let until_the_next = 3 * DAY;
        for minute in 25 * DAY..25 * DAY + until_the_next - 1 {
            learner.update(load(minute));
            assert!(!learner.due());
        }
        learner.update(load(28 * DAY - 1));
        assert!(learner.due());
        let held = &learner.past;
        assert!((25 * DAY..26 * DAY).contains(&held.values.len()), "{}", held.values.len());
        let newest = held.at(held.values.len() - 1);
        assert_eq!(newest, past(1).at(28 * DAY - 1));
        assert_eq!(learner.forecast().map(|forecast| forecast.origin), Some(newest));
    }

    #[test]
    fn another_question_is_learnt_anew() {
        let mut learner = Learner::new(past(DAY), 2, 1.0);
        learner.refit();
        learner.ask(2, 1.0);
        assert!(!learner.due() && learner.forecast().is_some(), "it is the same");
        learner.ask(3, 1.0);
        assert!(learner.due() && learner.forecast().is_none());
        learner.refit();
        let after = learner.forecast().map(|forecast| forecast.horizons[0].after);
        assert_eq!(after, Some(Duration::from_secs(180)));
    }
}
