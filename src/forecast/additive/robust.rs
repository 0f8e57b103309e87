//! A fit that a burst does not drag along.

use super::normal::NormalEquations;

/// An error of more than this many deviations pulls no more than one of this many (Huber's choice: 95 %
/// as good as least squares where errors are normal).
const HUBER: f64 = 1.345;
/// How often the weights are drawn up anew.
const ROUNDS: usize = 5;
/// From the median size of an error to a deviation, where errors are normal.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;
/// By how much one error moves the usual size.
const FOLLOWED: f64 = 0.005;

/// What was fitted.
#[derive(Clone, Debug)]
pub struct Fit {
    /// One a column.
    pub coefficients: Vec<f64>,
    /// The sums of the last round, to go on from there.
    pub equations: NormalEquations,
    /// The usual size of an error, bursts left out.
    pub deviation: f64,
}

impl Fit {
    /// What the columns add up to.
    pub fn value(&self, row: &[f64]) -> f64 {
        dot(&self.coefficients, row)
    }

    /// Takes one more error into the usual size, which follows the median: bursts do not move it, a new
    /// regime does.
    pub fn follow(&mut self, error: f64) {
        let rises = MEDIAN_TO_DEVIATION * error.abs() > self.deviation;
        self.deviation *= if rises { 1.0 + FOLLOWED } else { 1.0 - FOLLOWED };
    }

    /// How much a row with this error counts.
    pub fn weight(&self, error: f64) -> f64 {
        let limit = HUBER * self.deviation;
        if error.abs() > limit { limit / error.abs() } else { 1.0 }
    }
}

/// The sum of the products.
pub fn dot(coefficients: &[f64], row: &[f64]) -> f64 {
    coefficients.iter().zip(row).map(|(c, x)| c * x).sum()
}

/// The usual size of these errors, in which a few large ones do not show; 0 of none.
pub fn deviation(errors: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = errors.map(f64::abs).collect();
    if sizes.is_empty() {
        return 0.0;
    }
    let middle = sizes.len() / 2;
    let (_, median, _) = sizes.select_nth_unstable_by(middle, f64::total_cmp);
    MEDIAN_TO_DEVIATION * *median
}

/// Fits `targets`, of which those that are not finite are left out; `row` writes the columns of the
/// target at an index. Coefficients that the numbers do not allow are 0.
pub fn fit(targets: &[f64], penalties: &[f64], row: impl Fn(usize, &mut [f64])) -> Fit {
    let columns = penalties.len();
    let known: Vec<usize> = (0..targets.len()).filter(|&i| targets[i].is_finite()).collect();
    let mut line = vec![0.0; columns];
    let mut errors = vec![0.0; known.len()];
    let mut fit = Fit {
        coefficients: vec![0.0; columns],
        equations: NormalEquations::new(columns),
        deviation: f64::INFINITY,
    };
    for _ in 0..ROUNDS {
        let mut equations = NormalEquations::new(columns);
        for (&i, error) in known.iter().zip(&errors) {
            row(i, &mut line);
            equations.add(&line, targets[i], fit.weight(*error));
        }
        let Some(coefficients) = equations.solve(penalties) else { break };
        for (&i, error) in known.iter().zip(&mut errors) {
            row(i, &mut line);
            *error = targets[i] - dot(&coefficients, &line);
        }
        let deviation = deviation(errors.iter().copied());
        fit = Fit { coefficients, equations, deviation };
        if deviation == 0.0 {
            break;
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_do_not_drag_the_line_along() {
        let mut targets: Vec<f64> = (0..400)
            .map(|i| 5.0 + f64::from(i) / 100.0 + 0.1 * (f64::from(i) * 1.7).sin())
            .collect();
        for burst in targets.iter_mut().skip(7).step_by(20) {
            *burst += 50.0;
        }
        targets[3] = f64::NAN;
        let line = |i: usize, row: &mut [f64]| row.copy_from_slice(&[1.0, i as f64 / 100.0]);
        let fit = fit(&targets, &[1e-6; 2], line);
        assert!((fit.coefficients[0] - 5.0).abs() < 0.05, "{:?}", fit.coefficients);
        assert!((fit.coefficients[1] - 1.0).abs() < 0.02, "{:?}", fit.coefficients);
        assert!(fit.deviation < 0.2, "{}", fit.deviation);
        assert_eq!((fit.weight(0.0), fit.weight(1e9) < 1e-6), (1.0, true));
    }

    #[test]
    fn what_allows_no_fit_gives_zeros() {
        let of = |target: f64, cell: f64| fit(&[target; 5], &[1.0], |_, row| row[0] = cell);
        for (target, cell) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::MAX, f64::MAX)] {
            assert_eq!(of(target, cell).coefficients, [0.0], "{target} {cell}");
        }
    }
}
