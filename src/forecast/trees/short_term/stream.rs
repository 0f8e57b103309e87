//! The model fed at the pace of a loop.

use std::sync::Arc;
use std::time::Duration;

use super::Learner;
use crate::config::WorkloadRule;
use crate::forecast::ticks::{Finished, LONGEST_GAP, Ticks};
use crate::forecast::{Forecast, Series};
use crate::units::Timestamp;

/// A [`Learner`] behind a clock of its own: what it forecasts is the mean of a step.
pub struct Stream {
    step: Duration,
    ticks: Ticks,
    /// `None` before the first step is over.
    learner: Option<Learner>,
    question: Question,
    newest: Option<Arc<Forecast>>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// How far ahead: what a new replica takes until it serves.
    pub delay: Duration,
    /// The load that one replica carries.
    pub capacity: f64,
}

impl Question {
    /// What is asked about a service.
    pub fn of(workload: &WorkloadRule) -> Self {
        Self { delay: workload.startup_delay, capacity: workload.capacity }
    }

    /// How many steps of this length after the newest one. One more than the delay takes: a decision comes up
    /// to a step after that.
    fn ahead(&self, step: Duration) -> usize {
        let steps = self.delay.as_millis().div_ceil(step.as_millis().max(1));
        u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1) as usize
    }
}

impl Stream {
    /// Averages to steps of this length.
    pub fn new(step: Duration, question: Question) -> Self {
        Self { step, ticks: Ticks::new(step), learner: None, question, newest: None }
    }

    /// The length of its steps.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Asks something else from now on.
    pub fn ask(&mut self, question: Question) {
        if question != self.question {
            self.question = question;
            if let Some(learner) = &mut self.learner {
                learner.ask(question.ahead(self.step), question.capacity);
            }
            self.publish();
        }
    }

    /// Takes in a sample. One of a step that is over already is left out.
    pub fn observe(&mut self, at: Timestamp, value: Option<f64>) {
        let Some(Finished { start, mean, passed }) = self.ticks.observe(at, value) else { return };
        if passed > LONGEST_GAP {
            self.learner = None;
        } else {
            let (step, question) = (self.step, self.question);
            let learner = self.learner.get_or_insert_with(|| {
                let nothing = Series { start, step, values: Vec::new() };
                Learner::new(nothing, question.ahead(step), question.capacity)
            });
            learner.update(mean);
            for _ in 1..passed {
                learner.update(f64::NAN);
            }
        }
        self.publish();
    }

    /// Whether the model is to be fitted anew, which takes up to seconds: [`Stream::refit`].
    pub fn due(&self) -> bool {
        self.learner.as_ref().is_some_and(Learner::due)
    }

    /// Fits the model anew.
    pub fn refit(&mut self) {
        if let Some(learner) = &mut self.learner {
            learner.refit();
        }
        self.publish();
    }

    /// What is expected, counted from the end of the newest step; `None` before the first fit.
    pub fn forecast(&self) -> Option<&Arc<Forecast>> {
        self.newest.as_ref()
    }

    fn publish(&mut self) {
        let forecast = self.learner.as_ref().and_then(Learner::forecast);
        let since_its_end =
            |forecast: Forecast| Forecast { origin: forecast.origin.plus(self.step), ..forecast };
        self.newest = forecast.map(|forecast| Arc::new(since_its_end(forecast)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + 1000 * seconds)
    }

    fn question(delay: u64) -> Question {
        Question { delay: Duration::from_secs(delay), capacity: 5.0 }
    }

    /// A stream of seven hours in which the load was 20, and that has learnt from them.
    fn taught() -> Stream {
        let mut stream = Stream::new(STEP, question(120));
        for tick in 0..=4 * 420 {
            stream.observe(at(15 * tick - 7 * 3600), Some(20.0));
        }
        assert!(stream.due() && stream.forecast().is_none());
        stream.refit();
        stream
    }

    #[test]
    fn it_reaches_past_the_end_of_a_start_up_at_every_tick() {
        let mut stream = taught();
        for tick in 0..40 {
            stream.observe(at(15 * tick), Some(20.0));
            let told = stream.forecast().expect("fitted");
            let end = told.origin.plus(told.horizons[0].after);
            let served = at(15 * tick).plus(question(120).delay);
            assert!(end >= served && end.since(served) <= STEP, "tick {tick}: {told:?}");
            assert_eq!(told.horizons[0].values, [20.0; 4]);
        }
        // A delay between two steps counts as the longer.
        stream.ask(question(121));
        stream.refit();
        let after = stream.forecast().map(|told| told.horizons[0].after);
        assert_eq!(after, Some(STEP * 4));
    }

    #[test]
    fn what_was_not_measured_moves_the_origin_alone() {
        let mut stream = taught();
        stream.observe(at(10), None);
        stream.observe(at(190), None);
        let told = stream.forecast().expect("fitted");
        assert_eq!((told.origin, &told.horizons[0].values[..]), (at(180), &[20.0; 4][..]));
    }

    #[test]
    fn after_a_clock_that_was_set_it_begins_anew() {
        let mut stream = taught();
        stream.observe(at(0), Some(20.0));
        stream.observe(at(60 * 20_000), Some(20.0));
        assert!(stream.forecast().is_none() && !stream.due());
        stream.observe(at(60 * 20_001), Some(20.0));
        assert!(stream.due(), "a first step is over");
    }

    #[test]
    fn the_longest_delay_is_survived() {
        let forever = Question { delay: Duration::MAX, capacity: 5.0 };
        let mut stream = Stream::new(Duration::from_millis(1), forever);
        for tick in 0..3 {
            stream.observe(at(tick), Some(1.0));
        }
        stream.refit();
        assert!(stream.forecast().is_none());
    }
}
