//! How good the forecasts of one horizon were in the last days.

use super::horizon::{CANDIDATES, EXPERTS, Round, Setting};
use super::score::pinball_loss;

/// Sums that fade; losses are pinball losses over all levels.
#[derive(Clone, Debug)]
pub(super) struct Record {
    outcomes: usize,
    /// What of a sum is left after the next outcome.
    kept: f64,
    /// Outcomes within the 90 % interval.
    covered: f64,
    /// Outcomes.
    counted: f64,
    published: f64,
    candidates: [f64; CANDIDATES],
    models: Vec<f64>,
}

impl Record {
    pub(super) fn new(models: usize, half_life: f64) -> Self {
        Self {
            outcomes: 0,
            kept: 0.5f64.powf(1.0 / half_life),
            covered: 0.0,
            counted: 0.0,
            published: 0.0,
            candidates: [0.0; CANDIDATES],
            models: vec![0.0; models],
        }
    }

    pub(super) fn learn(&mut self, setting: &Setting, round: &Round, outcome: f64) {
        self.outcomes += 1;
        let [low, high] = setting.interval.map(|column| round.said()[column]);
        let inside = if low <= outcome && outcome <= high { 1.0 } else { 0.0 };
        let loss = |said: &[f64]| -> f64 {
            let of_level = |(level, said): (&f64, &f64)| pinball_loss(*level, *said, outcome);
            let losses = setting.levels.iter().zip(said).map(of_level);
            losses.filter(|loss| loss.is_finite()).sum()
        };
        let fade = |sum: &mut f64, now: f64| *sum = self.kept * *sum + now;
        fade(&mut self.covered, inside);
        fade(&mut self.counted, 1.0);
        fade(&mut self.published, loss(round.said()));
        for (sum, said) in self.candidates.iter_mut().zip(&round.candidates) {
            fade(sum, loss(said));
        }
        let of_level = self.models.len() * EXPERTS;
        // A model speaks with its own spread, or else with that of its errors over days.
        let of_model = |model: usize| -> Vec<f64> {
            let experts = round.experts.chunks(of_level).map(|level| &level[model * EXPERTS..]);
            experts.map(|said| if said[0].is_finite() { said[0] } else { said[1] }).collect()
        };
        let naive = setting.naive.map_or(0.0, |model| loss(&of_model(model)));
        for (model, sum) in self.models.iter_mut().enumerate() {
            let said = of_model(model);
            // One that said nothing has neither won nor lost.
            fade(sum, if said.iter().any(|v| v.is_finite()) { loss(&said) } else { naive });
        }
    }

    /// Whether a candidate has lost more than another, after so many outcomes.
    pub(super) fn loses(&self, judged_after: usize, candidate: usize, other: usize) -> bool {
        let better = self.candidates[other];
        self.outcomes >= judged_after && better > 0.0 && self.candidates[candidate] > better
    }

    /// The share of outcomes within the 90 % interval; `None` before the first.
    pub(super) fn coverage(&self) -> Option<f64> {
        (self.outcomes > 0).then(|| self.covered / self.counted)
    }

    /// The loss of each model, and last of what was published, over that of the naive model.
    pub(super) fn to_naive(&self, setting: &Setting) -> Option<Vec<f64>> {
        let naive = self.models[setting.naive?];
        let all = self.models.iter().chain([&self.published]);
        (naive > 0.0).then(|| all.map(|loss| loss / naive).collect())
    }
}
