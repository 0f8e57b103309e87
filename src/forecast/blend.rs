//! Several experts → one forecast: weights that follow the record, for one level of one horizon.
//!
//! Online aggregation after Bernstein (Wintenberger, "Optimal learning with Bernstein online
//! aggregation", 2017) on the slope of the pinball loss: in the long run as good as the best fixed mean of
//! the experts, which is better than the best of them. Experts may be silent for a while.

/// The weights of experts for one level.
#[derive(Clone, Debug)]
pub(super) struct Blend {
    level: f64,
    /// What of the record is left after the next outcome.
    kept: f64,
    /// The logarithm of what each expert weighs without a record.
    prior: Vec<f64>,
    records: Vec<Record>,
    weights: Vec<f64>,
}

/// What following one expert would have gained.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    gain: f64,
    squares: f64,
    largest: f64,
}

impl Blend {
    /// Without a record, experts weigh as `prior` says; its sum is 1.
    pub(super) fn new(level: f64, prior: &[f64], half_life: f64) -> Self {
        Self {
            level,
            kept: 0.5f64.powf(1.0 / half_life),
            prior: prior.iter().map(|weight| weight.ln()).collect(),
            records: vec![Record::default(); prior.len()],
            weights: prior.to_vec(),
        }
    }

    /// How much each expert weighs; the sum is 1.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The weighted mean of what the experts say; an expert that says no number is left out. Not a number
    /// where all are silent.
    pub(super) fn mean(&self, said: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (value, share) in said.zip(&self.weights) {
            if value.is_finite() {
                sum += share * value;
                weight += share;
            }
        }
        sum / weight
    }

    /// Takes in the outcome: what the experts and the blend had said of it.
    pub(super) fn learn(&mut self, said: impl Iterator<Item = f64>, mean: f64, outcome: f64) {
        if !(mean.is_finite() && outcome.is_finite()) {
            return;
        }
        let slope = if outcome < mean { 1.0 - self.level } else { -self.level };
        for (value, record) in said.zip(&mut self.records) {
            let gain = if value.is_finite() { slope * (mean - value) } else { 0.0 };
            record.gain = self.kept * record.gain + gain;
            record.squares = self.kept * record.squares + gain * gain;
            record.largest = (self.kept * record.largest).max(gain.abs());
        }
        self.weigh();
    }

    fn weigh(&mut self) {
        let experts = (self.records.len() as f64).ln();
        let known = self.records.iter().zip(&self.prior);
        for (weight, (record, prior)) in self.weights.iter_mut().zip(known) {
            *weight = *prior;
            if record.squares > 0.0 {
                let rate = (experts / record.squares).sqrt().min(0.5 / record.largest);
                *weight += rate * (record.gain - rate * record.squares);
            }
        }
        let best = self.weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for weight in &mut self.weights {
            *weight = (*weight - best).exp();
            sum += *weight;
        }
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures::noise;

    /// The weights after following a walk whose next step the experts miss by `offsets`.
    fn weights(level: f64, offsets: &[f64], silent: Option<usize>) -> Vec<f64> {
        let prior = vec![1.0 / offsets.len() as f64; offsets.len()];
        let mut blend = Blend::new(level, &prior, 1000.0);
        let mut noise = noise(5);
        for _ in 0..2000 {
            let outcome = noise();
            let said = offsets
                .iter()
                .enumerate()
                .map(|(i, offset)| if silent == Some(i) { f64::NAN } else { *offset });
            let mean = blend.mean(said.clone());
            blend.learn(said, mean, outcome);
        }
        blend.weights().to_vec()
    }

    #[test]
    fn the_best_expert_gains_the_weight() {
        let found = weights(0.5, &[0.0, 3.0, 4.0], None);
        assert!(found[0] > 0.9, "{found:?}");
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn two_that_err_to_both_sides_share_it() {
        let found = weights(0.5, &[-2.0, 2.0, 9.0], None);
        let mean = -2.0 * found[0] + 2.0 * found[1] + 9.0 * found[2];
        assert!(mean.abs() < 0.4, "{found:?}");
    }

    #[test]
    fn a_high_level_prefers_the_high_expert() {
        let found = weights(0.95, &[0.0, 1.6], None);
        assert!(found[1] > 0.8, "{found:?}");
    }

    #[test]
    fn the_silent_count_for_nothing() {
        let blend = Blend::new(0.5, &[0.25, 0.5, 0.25], 1000.0);
        assert_eq!(blend.mean([1.0, f64::NAN, 2.0].into_iter()), 1.5);
        assert_eq!(blend.mean([1.0, 2.0, f64::NAN].into_iter()), 5.0 / 3.0);
        assert!(blend.mean([f64::NAN; 3].into_iter()).is_nan());
        assert!(weights(0.5, &[0.0, 3.0, 4.0], Some(0)).iter().all(|weight| weight.is_finite()));
    }
}
