//! How good forecasts were: what each figure means is in the name of the literature. A pair with a value
//! that is not finite is left out; not a number where no pair is left.

/// Forecasts and what came, in pairs.
fn finite<'a>(
    forecast: &'a [f64],
    actual: &'a [f64],
) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
    let pairs = forecast.iter().copied().zip(actual.iter().copied());
    pairs.filter(|(forecast, actual)| forecast.is_finite() && actual.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}

/// The mean absolute error.
pub fn mae(forecast: &[f64], actual: &[f64]) -> f64 {
    mean(finite(forecast, actual).map(|(f, a)| (a - f).abs()))
}

/// The root of the mean squared error.
pub fn rmse(forecast: &[f64], actual: &[f64]) -> f64 {
    mean(finite(forecast, actual).map(|(f, a)| (a - f).powi(2))).sqrt()
}

/// The share of the variance that is explained: 1 is perfect, 0 as good as the mean. Not a number where
/// what came never varied.
pub fn r_squared(forecast: &[f64], actual: &[f64]) -> f64 {
    let pairs = finite(forecast, actual);
    let middle = mean(pairs.clone().map(|(_, a)| a));
    let spread: f64 = pairs.clone().map(|(_, a)| (a - middle).powi(2)).sum();
    let missed: f64 = pairs.map(|(f, a)| (a - f).powi(2)).sum();
    if spread > 0.0 { 1.0 - missed / spread } else { f64::NAN }
}

/// The symmetric mean absolute percentage error, as a ratio in [0, 2]: |a − f| over the mean of |a| and
/// |f|; 0 where both are 0.
pub fn smape(forecast: &[f64], actual: &[f64]) -> f64 {
    mean(finite(forecast, actual).map(|(f, a)| {
        let size = (f.abs() + a.abs()) / 2.0;
        if size > 0.0 { (a - f).abs() / size } else { 0.0 }
    }))
}

/// The error of the seasonal naive forecast within a history: what [`mase`] is in units of.
pub fn seasonal_scale(history: &[f64], season: usize) -> f64 {
    mae(history, history.get(season..).unwrap_or_default())
}

/// The mean absolute error in units of `scale` (see [`seasonal_scale`]).
pub fn mase(forecast: &[f64], actual: &[f64], scale: f64) -> f64 {
    mae(forecast, actual) / scale
}

/// The pinball loss of one quantile.
pub fn pinball_loss(level: f64, quantile: f64, actual: f64) -> f64 {
    let above = actual - quantile;
    (level * above).max((level - 1.0) * above)
}

/// The mean pinball loss of quantiles at `level`.
pub fn pinball(level: f64, quantile: &[f64], actual: &[f64]) -> f64 {
    mean(finite(quantile, actual).map(|(q, a)| pinball_loss(level, q, a)))
}

/// The share of what came that lies from `low` to `high`.
pub fn coverage(low: &[f64], high: &[f64], actual: &[f64]) -> f64 {
    let inside =
        low.iter().zip(high).zip(actual).filter(|((low, high), actual)| {
            low.is_finite() && high.is_finite() && actual.is_finite()
        });
    mean(inside.map(|((low, high), actual)| if (low..=high).contains(&actual) { 1.0 } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORECAST: [f64; 4] = [1.0, 2.0, f64::NAN, 5.0];
    const ACTUAL: [f64; 4] = [2.0, 2.0, 9.0, 3.0];

    #[test]
    fn worked_examples() {
        assert_eq!(mae(&FORECAST, &ACTUAL), 1.0);
        assert_eq!(rmse(&FORECAST, &ACTUAL), (5.0f64 / 3.0).sqrt());
        // Around the mean of 7/3: 1/9 + 1/9 + 4/9 = 2/3; missed 5.
        assert!((r_squared(&FORECAST, &ACTUAL) - (1.0 - 7.5)).abs() < 1e-12);
        assert!((smape(&FORECAST, &ACTUAL) - (2.0 / 3.0 + 0.0 + 0.5) / 3.0).abs() < 1e-12);
        assert_eq!(smape(&[0.0], &[0.0]), 0.0);
        assert_eq!(seasonal_scale(&[1.0, 2.0, 4.0, 6.0], 2), 3.5);
        assert_eq!(mase(&FORECAST, &ACTUAL, 2.0), 0.5);
        assert!((pinball(0.9, &FORECAST, &ACTUAL) - (0.9 + 0.0 + 0.2) / 3.0).abs() < 1e-12);
        assert_eq!(coverage(&[0.0, 3.0], &[2.0, 4.0], &[2.0, 2.0]), 0.5);
    }

    #[test]
    fn nothing_is_no_number() {
        let of_nothing = [
            mae(&[], &[]),
            r_squared(&[1.0, 1.0], &[2.0, 2.0]),
            seasonal_scale(&[1.0], 2),
            coverage(&[], &[], &[]),
        ];
        assert!(of_nothing.iter().all(|value| value.is_nan()), "{of_nothing:?}");
    }
}
