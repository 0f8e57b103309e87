//! What the last few samples of one series say.

/// The features of one series, in the order of [`describe`]'s answer. The first has the bare name.
const SUFFIXES: [&str; COUNT] = ["", "_mean", "_std", "_min", "_max", "_change", "_spike"];

/// How many features a series has.
pub const COUNT: usize = 7;

/// The names of the features of the series `name`.
pub fn names(name: &str) -> impl Iterator<Item = String> + '_ {
    SUFFIXES.iter().map(move |suffix| format!("{name}{suffix}"))
}

/// Value, rolling mean, sample standard deviation, minimum, maximum, change and spike flag.
///
/// `recent` holds at least the last `window + 1` samples where there are as many, the current one last.
/// The rolling four include the current sample; the deviation of a single sample is 0. The change is
/// against the sample before. The spike flag compares with the `window` samples before the current one.
pub fn describe(
    recent: &[Option<f64>],
    window: usize,
    spike_threshold: f64,
) -> [Option<f64>; COUNT] {
    let Some((&current, before)) = recent.split_last() else {
        return [None; COUNT];
    };
    let rolling: Vec<f64> = last(recent, window).iter().flatten().copied().collect();
    let moments = Moments::of(&rolling);
    let previous = before.last().copied().flatten();
    [
        current,
        moments.map(|m| m.mean),
        moments.map(|m| m.deviation),
        rolling.iter().copied().reduce(f64::min),
        rolling.iter().copied().reduce(f64::max),
        current.zip(previous).map(|(now, then)| now - then),
        current.and_then(|now| spike(now, last(before, window), spike_threshold)),
    ]
}

/// The slope of the least-squares line through `points` (x, y); `None` for fewer than two different x.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let covariance: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

/// `numerator / denominator`; 0 where the denominator is 0, as the seeds have it.
pub fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

/// 1 where `current` is more than `threshold` deviations from the mean of `before`, else 0; `None` for
/// fewer than two samples before. The current sample must stay out of the window: inside a window of n
/// it is never more than (n-1)/√n deviations away, which is 1.79 for 5.
///
/// The deviation is taken as at least a thousandth of the mean, so that after a flat stretch not every
/// last digit is a spike.
fn spike(current: f64, before: &[Option<f64>], threshold: f64) -> Option<f64> {
    let before: Vec<f64> = before.iter().flatten().copied().collect();
    if before.len() < 2 {
        return None;
    }
    let Moments { mean, deviation } = Moments::of(&before)?;
    let deviation = deviation.max(1e-3 * mean.abs());
    Some(f64::from((current - mean).abs() > threshold * deviation))
}

/// The sample deviation of `values`; `None` for fewer than two.
pub fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    Moments::of(values).map(|moments| moments.deviation)
}

/// The `share` quantile of sorted `values`, with linear interpolation as numpy's `percentile`; not a
/// number where there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * (position - below as f64)
}

fn last<T>(values: &[T], n: usize) -> &[T] {
    &values[values.len().saturating_sub(n)..]
}

#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    /// With n - 1 in the denominator; 0 for one value.
    deviation: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let deviation = if values.len() == 1 { 0.0 } else { (squares / (n - 1.0)).sqrt() };
        Some(Self { mean, deviation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn describes_a_series() {
        let [value, mean, std, min, max, change, spike] =
            describe(&known(&[100.0, 1.0, 2.0, 3.0, 4.0, 5.0]), 5, 2.0);
        assert_eq!((value, mean, min, max), (Some(5.0), Some(3.0), Some(1.0), Some(5.0)));
        assert!((std.expect("std") - 2.5f64.sqrt()).abs() < 1e-12);
        assert_eq!((change, spike), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn a_spike_is_seen_with_the_default_window_and_threshold() {
        let spike = |values: &[f64]| describe(&known(values), 5, 2.0)[6];
        assert_eq!(spike(&[1.0, 1.1, 0.9, 1.0, 1.1, 5.0]), Some(1.0));
        assert_eq!(spike(&[1.0, 1.1, 0.9, 1.0, 1.1, 1.05]), Some(0.0));
        assert_eq!(spike(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.001]), Some(0.0), "a last digit");
        assert_eq!(spike(&[0.0, 0.0, 0.0, 0.5]), Some(1.0), "out of silence");
        assert_eq!(spike(&[1.0, 5.0]), None, "one sample is no history");
    }

    #[test]
    fn missing_samples_are_left_out() {
        let [value, mean, std, _, _, change, spike] =
            describe(&[Some(4.0), None, Some(6.0), None], 5, 2.0);
        assert_eq!((value, change, spike), (None, None, None));
        assert_eq!(mean, Some(5.0));
        assert!(std.is_some_and(|s| s > 0.0));
        assert_eq!(describe(&[], 5, 2.0), [None; COUNT]);
        assert_eq!(describe(&[None], 5, 2.0), [None; COUNT]);
    }

    #[test]
    fn slopes_and_ratios_are_defined() {
        assert_eq!(slope(&[(0.0, 1.0), (10.0, 3.0), (20.0, 5.0)]), Some(0.2));
        assert_eq!(slope(&[(1.0, 1.0)]), None);
        assert_eq!(slope(&[]), None);
        assert_eq!(ratio(3.0, 0.0), 0.0);
        assert_eq!(ratio(3.0, 2.0), 1.5);
    }
}
