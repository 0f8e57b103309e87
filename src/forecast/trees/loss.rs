//! What a model is to minimise.

use serde::{Deserialize, Serialize};

use super::sum::{Sum, Units};

/// What a model is to minimise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The squared error: the model tells the mean.
    Squared,
    /// The pinball loss of this level, in (0, 1): the model tells that quantile.
    Pinball(f64),
}

impl Loss {
    /// Half the slope at a residual (what is measured less what is said), turned around.
    #[inline]
    fn gradient(self, residual: f64) -> f64 {
        match self {
            Self::Squared => residual,
            Self::Pinball(level) if residual > 0.0 => level,
            Self::Pinball(level) => level - 1.0,
        }
    }

    /// The gradients of rows, of which the residual and the weight are given, as sums with their units.
    pub(super) fn pack(self, rows: &[(f64, f64)]) -> (Vec<Sum>, Units) {
        let gradient = |(residual, weight): &(f64, f64)| self.gradient(*residual) * weight;
        let gradients = rows.iter().map(|row| gradient(row).abs()).sum();
        let units = Units::new(gradients, rows.iter().map(|(_, weight)| weight).sum());
        (rows.iter().map(|row| units.pack(gradient(row), row.1)).collect(), units)
    }

    /// The one number that suits all residuals best, with their weights; 0 where there are none. The
    /// order of `residuals` is lost.
    pub(super) fn constant(self, residuals: &mut [(f64, f64)], l2: f64) -> f64 {
        match self {
            Self::Squared => {
                let add = |(sum, weights): (f64, f64), (residual, weight): &(f64, f64)| {
                    (sum + residual * weight, weights + weight)
                };
                let (sum, weights) = residuals.iter().fold((0.0, 0.0), add);
                if weights > 0.0 { sum / (weights + l2) } else { 0.0 }
            }
            Self::Pinball(level) => quantile(residuals, level),
        }
    }
}

/// The lowest residual up to which at least a share of `level` of the weight lies: what minimises the
/// pinball loss.
fn quantile(residuals: &mut [(f64, f64)], level: f64) -> f64 {
    let Some((_, first)) = residuals.first() else { return 0.0 };
    let by_residual = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0);
    if residuals.iter().all(|(_, weight)| weight == first) {
        let place = (level * residuals.len() as f64).ceil() as usize;
        let place = place.clamp(1, residuals.len()) - 1;
        return residuals.select_nth_unstable_by(place, by_residual).1.0;
    }
    residuals.sort_unstable_by(by_residual);
    let wanted = level * residuals.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut seen = 0.0;
    for (residual, weight) in residuals.iter() {
        seen += weight;
        if seen >= wanted {
            return *residual;
        }
    }
    residuals[residuals.len() - 1].0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The loss of saying one number of all.
    fn total(loss: Loss, rows: &[(f64, f64)], said: f64) -> f64 {
        let of = |residual: f64| match loss {
            Loss::Squared => residual * residual,
            Loss::Pinball(level) => (level * residual).max((level - 1.0) * residual),
        };
        rows.iter().map(|(value, weight)| of(value - said) * weight).sum()
    }

    proptest! {
        #[test]
        fn no_other_constant_is_better(
            rows in prop::collection::vec((-9_i8..9, 1_u8..4), 1..40),
            level in 0.01_f64..0.99,
            even: bool,
        ) {
            let mut rows: Vec<(f64, f64)> = rows
                .into_iter()
                .map(|(value, weight)| (value.into(), if even { 1.0 } else { weight.into() }))
                .collect();
            for loss in [Loss::Squared, Loss::Pinball(level)] {
                let found = loss.constant(&mut rows, 0.0);
                let least = total(loss, &rows, found);
                for other in -40..=40 {
                    let other = f64::from(other) / 4.0;
                    prop_assert!(least <= total(loss, &rows, other) + 1e-9, "{other}, not {found}");
                }
            }
        }
    }

    #[test]
    fn the_lowest_value_that_is_enough_is_the_quantile() {
        let mut rows: Vec<(f64, f64)> = (1..=10).rev().map(|n| (f64::from(n), 1.0)).collect();
        let found =
            [0.05, 0.1, 0.11, 0.5, 0.95, 0.99].map(|l| Loss::Pinball(l).constant(&mut rows, 0.0));
        assert_eq!(found, [1.0, 1.0, 2.0, 5.0, 10.0, 10.0]);
        let mut rows = [(3.0, 1.0), (2.0, 1.0), (1.0, 8.0)];
        let found = [0.5, 0.8, 0.85, 0.95].map(|l| Loss::Pinball(l).constant(&mut rows, 0.0));
        assert_eq!(found, [1.0, 1.0, 2.0, 3.0]);
        assert_eq!(Loss::Pinball(0.5).constant(&mut [], 0.0), 0.0);
    }

    #[test]
    fn l2_draws_a_mean_to_zero() {
        let mut rows = [(6.0, 1.0), (3.0, 2.0)];
        assert_eq!(Loss::Squared.constant(&mut rows, 0.0), 4.0);
        assert_eq!(Loss::Squared.constant(&mut rows, 3.0), 2.0);
        assert_eq!(Loss::Squared.constant(&mut [], 0.0), 0.0);
    }
}
