//! What the trend, the seasons and the events leave. It does not vanish at once: what is left now says
//! something of what will be left soon. So a forecast starts from now, however old the fit is.

use super::normal::NormalEquations;
use super::robust;

/// How much of a new remainder each running mean takes in. The first is the remainder itself.
const RATES: [f64; 4] = [1.0, 0.5, 0.15, 0.03];
/// How much of a new surprise each running spread takes in.
const SPREAD_RATES: [f64; 2] = [0.2, 0.02];
/// What an error's size follows from: a constant, the height of what is expected, the running spreads.
const SIZE_COLUMNS: usize = 2 + SPREAD_RATES.len();

/// Pulls the means' coefficients towards "nothing is left", in rows.
const KEPT_PENALTY: f64 = 4.0;
/// Pulls the sizes' coefficients towards 0, in rows.
const SIZE_PENALTY: f64 = 1e-3;
/// No hour is quieter than this share of the usual one.
const LEAST_SIZE: f64 = 0.25;

/// Running means of the remainder, from the newest one to that of the last hours; and how surprising it
/// has been.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Running {
    means: [f64; RATES.len()],
    spreads: [f64; SPREAD_RATES.len()],
    seen: u32,
}

impl Running {
    /// Takes in one remainder; one that was not measured changes nothing.
    pub fn push(&mut self, remainder: f64) {
        if !remainder.is_finite() {
            return;
        }
        let surprise = (remainder - self.means[1]).abs();
        self.seen = self.seen.saturating_add(1);
        // The first few weigh the same, whatever the rate.
        let least = 1.0 / f64::from(self.seen);
        for (mean, rate) in self.means.iter_mut().zip(RATES) {
            *mean += rate.max(least) * (remainder - *mean);
        }
        for (spread, rate) in self.spreads.iter_mut().zip(SPREAD_RATES) {
            *spread += rate.max(least) * (surprise - *spread);
        }
    }

    /// Counts what is left from an expectation that is lower by this much.
    pub fn shift(&mut self, by: f64) {
        for mean in &mut self.means {
            *mean += by;
        }
    }

    fn size_row(&self, expected: f64) -> [f64; SIZE_COLUMNS] {
        let mut row = [1.0; SIZE_COLUMNS];
        row[1] = expected;
        row[2..].copy_from_slice(&self.spreads);
        row
    }
}

/// A time at which the past is asked what came after it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The running means then.
    pub running: Running,
    /// Of each horizon within the history: what was expected, and what was left from it.
    pub after: Vec<(f64, f64)>,
}

/// How remainders go on after one horizon.
#[derive(Clone, Debug)]
pub struct Remainder {
    /// How much of each running mean is still there.
    kept: Vec<f64>,
    /// How the size of an error follows from its columns.
    size: Vec<f64>,
    least_size: f64,
    /// Errors in such sizes, one a level.
    quantiles: Vec<f64>,
}

impl Remainder {
    /// Learns from what came after each origin, at the horizon of this index.
    pub fn learn(origins: &[Origin], index: usize, levels: &[f64]) -> Self {
        let known: Vec<(&Running, f64, f64)> = origins
            .iter()
            .filter_map(|origin| {
                let (expected, left) = *origin.after.get(index)?;
                left.is_finite().then_some((&origin.running, expected, left))
            })
            .collect();
        let mut remainder = Self {
            kept: learn_kept(&known),
            size: vec![0.0; SIZE_COLUMNS],
            least_size: 0.0,
            quantiles: vec![0.0; levels.len()],
        };
        let errors: Vec<f64> =
            known.iter().map(|(running, _, left)| left - remainder.middle(running)).collect();
        remainder.learn_sizes(&known, &errors);
        let mut relative: Vec<f64> = known
            .iter()
            .zip(&errors)
            .map(|((running, expected, _), error)| error / remainder.size(running, *expected))
            .filter(|relative| relative.is_finite())
            .collect();
        relative.sort_unstable_by(f64::total_cmp);
        if !relative.is_empty() {
            remainder.quantiles = levels.iter().map(|&l| quantile(&relative, l)).collect();
        }
        remainder
    }

    /// What will be left from `expected`: one value a level.
    pub fn quantiles(&self, running: &Running, expected: f64) -> impl Iterator<Item = f64> {
        let middle = self.middle(running);
        let size = self.size(running, expected);
        self.quantiles.iter().map(move |quantile| middle + quantile * size)
    }

    fn middle(&self, running: &Running) -> f64 {
        robust::dot(&self.kept, &running.means)
    }

    fn size(&self, running: &Running, expected: f64) -> f64 {
        let row = running.size_row(expected + self.middle(running));
        robust::dot(&self.size, &row).max(self.least_size)
    }

    fn learn_sizes(&mut self, known: &[(&Running, f64, f64)], errors: &[f64]) {
        let mean = errors.iter().map(|e| e.abs()).sum::<f64>() / errors.len().max(1) as f64;
        let mut equations = NormalEquations::new(SIZE_COLUMNS);
        for ((running, expected, _), error) in known.iter().zip(errors) {
            let row = running.size_row(expected + self.middle(running));
            equations.add(&row, error.abs(), 1.0);
        }
        let penalty = SIZE_PENALTY * mean * mean + f64::MIN_POSITIVE;
        if let Some(size) = equations.solve(&[penalty; SIZE_COLUMNS]) {
            self.size = size;
        }
        self.least_size = LEAST_SIZE * mean;
    }
}

fn learn_kept(known: &[(&Running, f64, f64)]) -> Vec<f64> {
    let left: Vec<f64> = known.iter().map(|(_, _, left)| *left).collect();
    let deviation = robust::deviation(left.iter().copied());
    let penalty = KEPT_PENALTY * deviation * deviation + f64::MIN_POSITIVE;
    let row = |k: usize, row: &mut [f64]| row.copy_from_slice(&known[k].0.means);
    robust::fit(&left, &[penalty; RATES.len()], row).coefficients
}

/// The quantile of sorted values, of which there is one at least; between the two nearest where it falls
/// between.
pub fn quantile(sorted: &[f64], level: f64) -> f64 {
    let place = level * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A remainder of which a tenth goes with each step, and noise that is twice as large in every other
    /// half.
    fn origins() -> Vec<Origin> {
        let mut noise = 7_u64;
        let mut left = 0.0;
        let mut running = Running::default();
        let mut values = Vec::new();
        for i in 0..4000 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let size = if i / 200 % 2 == 0 { 1.0 } else { 2.0 };
            left = 0.9 * left + size * ((noise >> 40) as f64 / f64::from(1 << 24) - 0.5);
            running.push(left);
            values.push((running.clone(), left));
        }
        let next = values.windows(2);
        next.map(|w| Origin { running: w[0].0.clone(), after: vec![(0.0, w[1].1)] }).collect()
    }

    #[test]
    fn what_is_left_fades_as_it_did_and_spreads_as_it_does_now() {
        let origins = origins();
        let remainder = Remainder::learn(&origins, 0, &[0.05, 0.5, 0.95]);
        let mut running = origins[150].running.clone();
        let quiet: Vec<f64> = remainder.quantiles(&running, 0.0).collect();
        running.shift(3.0);
        let higher: Vec<f64> = remainder.quantiles(&running, 0.0).collect();
        let moved = higher[1] - quiet[1];
        assert!((moved - 2.7).abs() < 0.15, "nine tenths of 3: {moved}");
        let loud: Vec<f64> = remainder.quantiles(&origins[350].running, 0.0).collect();
        let (quiet, loud) = (quiet[2] - quiet[0], loud[2] - loud[0]);
        assert!(loud > 1.5 * quiet, "{loud} against {quiet}");
        let inside = origins.iter().filter(|origin| {
            let quantiles: Vec<f64> = remainder.quantiles(&origin.running, 0.0).collect();
            (quantiles[0]..=quantiles[2]).contains(&origin.after[0].1)
        });
        let share = inside.count() as f64 / origins.len() as f64;
        assert!((share - 0.9).abs() < 0.02, "{share}");
    }

    #[test]
    fn nothing_known_and_nothing_left_are_no_nan() {
        let running = Running::default();
        let none = Remainder::learn(&[], 0, &[0.5]);
        assert_eq!(none.quantiles(&running, 1.0).collect::<Vec<_>>(), [0.0]);
        let origin = Origin { running: running.clone(), after: vec![(1.0, 0.0), (1.0, f64::NAN)] };
        for index in [0, 1, 2] {
            let remainder = Remainder::learn(&vec![origin.clone(); 9], index, &[0.1, 0.9]);
            let quantiles: Vec<f64> = remainder.quantiles(&running, 1.0).collect();
            assert_eq!(quantiles, [0.0, 0.0], "{index}");
        }
    }
}
