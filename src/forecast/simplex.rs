//! The downhill simplex of Nelder and Mead: the least of a function of a few numbers, without slopes.

/// Searches the least of `cost` from `start` on, for `rounds` rounds. Not a number costs most.
pub(super) fn minimize<const N: usize>(
    cost: impl Fn(&[f64; N]) -> f64,
    start: [f64; N],
    rounds: usize,
) -> [f64; N] {
    let corner = |at: [f64; N]| (at, cost(&at));
    let mut simplex = vec![corner(start)];
    for i in 0..N {
        let mut at = start;
        at[i] = if at[i] == 0.0 { 0.00025 } else { at[i] * 1.05 };
        simplex.push(corner(at));
    }
    for _ in 0..rounds {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let worst = simplex[N];
        let centre: [f64; N] = std::array::from_fn(|i| {
            simplex[..N].iter().map(|(at, _)| at[i]).sum::<f64>() / N as f64
        });
        let along = |factor: f64| {
            corner(std::array::from_fn(|i| centre[i] + factor * (worst.0[i] - centre[i])))
        };
        let reflected = along(-1.0);
        if reflected.1 < simplex[0].1 {
            let expanded = along(-2.0);
            simplex[N] = if expanded.1 < reflected.1 { expanded } else { reflected };
        } else if reflected.1 < simplex[N - 1].1 {
            simplex[N] = reflected;
        } else {
            let contracted = along(if reflected.1 < worst.1 { -0.5 } else { 0.5 });
            if contracted.1 < reflected.1.min(worst.1) {
                simplex[N] = contracted;
            } else {
                let best = simplex[0].0;
                for (at, value) in &mut simplex[1..] {
                    *at = std::array::from_fn(|i| best[i] + 0.5 * (at[i] - best[i]));
                    *value = cost(at);
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    simplex[0].0
}

/// Any number → a number between 0 and 1, so that a search without bounds stays within them.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_bent_valley() {
        let rosenbrock =
            |at: &[f64; 2]| (1.0 - at[0]).powi(2) + 100.0 * (at[1] - at[0] * at[0]).powi(2);
        let [x, y] = minimize(rosenbrock, [-1.2, 1.0], 200);
        assert!((x - 1.0).abs() < 1e-4 && (y - 1.0).abs() < 1e-4, "{x} {y}");
    }

    #[test]
    fn a_cost_that_is_no_number_is_left() {
        let cost = |at: &[f64; 1]| if at[0] < 2.0 { f64::NAN } else { (at[0] - 3.0).powi(2) };
        let [x] = minimize(cost, [2.5], 100);
        assert!((x - 3.0).abs() < 1e-3, "{x}");
    }
}
