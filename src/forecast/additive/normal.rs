//! Penalised least squares by normal equations.

use ndarray::Array2;

/// The sums that a weighted least-squares fit needs of its rows: what each column has to do with each
/// other one, and with the target.
#[derive(Clone, Debug)]
pub struct NormalEquations {
    /// The lower triangle counts.
    products: Array2<f64>,
    targets: Vec<f64>,
}

impl NormalEquations {
    /// No row yet.
    pub fn new(columns: usize) -> Self {
        Self { products: Array2::zeros((columns, columns)), targets: vec![0.0; columns] }
    }

    /// Takes in one row. Sums are taken one by one in this order, so that every machine gets the same.
    pub fn add(&mut self, row: &[f64], target: f64, weight: f64) {
        let sums = self.products.rows_mut().into_iter().zip(&mut self.targets);
        for (i, (mut products, sum)) in sums.enumerate() {
            let weighted = weight * row[i];
            // Most bends of a trend are still to come.
            if weighted != 0.0 {
                *sum += weighted * target;
                for (product, other) in products.iter_mut().zip(&row[..=i]) {
                    *product += weighted * other;
                }
            }
        }
    }

    /// Lets every row so far count less.
    pub fn fade(&mut self, factor: f64) {
        self.products *= factor;
        for sum in &mut self.targets {
            *sum *= factor;
        }
    }

    /// The coefficients, where the square of each has its penalty, above 0; `None` where the numbers allow
    /// none.
    pub fn solve(&self, penalties: &[f64]) -> Option<Vec<f64>> {
        let lower = self.cholesky(penalties)?;
        let columns = self.targets.len();
        let mut x = self.targets.clone();
        for i in 0..columns {
            let known: f64 = (0..i).map(|k| lower[[i, k]] * x[k]).sum();
            x[i] = (x[i] - known) / lower[[i, i]];
        }
        for i in (0..columns).rev() {
            let known: f64 = (i + 1..columns).map(|k| lower[[k, i]] * x[k]).sum();
            x[i] = (x[i] - known) / lower[[i, i]];
        }
        x.iter().all(|value| value.is_finite()).then_some(x)
    }

    /// The lower triangle that, times its mirror image, gives the penalised products.
    fn cholesky(&self, penalties: &[f64]) -> Option<Array2<f64>> {
        let mut lower = self.products.clone();
        for i in 0..self.targets.len() {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[[i, k]] * lower[[j, k]]).sum();
                let rest = lower[[i, j]] - known;
                if i != j {
                    lower[[i, j]] = rest / lower[[j, j]];
                } else if rest.is_finite() && rest + penalties[i] > 0.0 {
                    lower[[i, i]] = (rest + penalties[i]).sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 - 2x + 0.5x² through exact points, and with penalties that pull towards zero.
    #[test]
    fn an_exact_relation_is_found_and_a_penalty_shrinks_it() {
        let mut equations = NormalEquations::new(3);
        for i in 0..50 {
            let x = f64::from(i) / 10.0;
            equations.add(&[1.0, x, x * x], 3.0 - 2.0 * x + 0.5 * x * x, 1.0);
        }
        let found = equations.solve(&[1e-9; 3]).unwrap();
        for (found, expected) in found.iter().zip([3.0, -2.0, 0.5]) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
        let shrunk = equations.solve(&[1e9; 3]).unwrap();
        assert!(shrunk.iter().all(|c| c.abs() < 1e-3), "{shrunk:?}");
    }

    #[test]
    fn a_weight_counts_as_so_many_rows_and_fading_as_fewer() {
        let mut rows = NormalEquations::new(1);
        for target in [10.0, 10.0, 40.0] {
            rows.add(&[1.0], target, 1.0);
        }
        let mut weighted = NormalEquations::new(1);
        weighted.add(&[1.0], 10.0, 4.0);
        weighted.fade(0.5);
        weighted.add(&[1.0], 40.0, 1.0);
        assert_eq!(rows.solve(&[1e-12]), weighted.solve(&[1e-12]));
    }

    #[test]
    fn numbers_that_allow_no_answer_give_none() {
        for (cell, target) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::MAX, 1.0)] {
            let mut equations = NormalEquations::new(1);
            equations.add(&[cell], target, 1.0);
            assert_eq!(equations.solve(&[1.0]), None, "{cell} {target}");
        }
    }
}
