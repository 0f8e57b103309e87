//! Forecasts of the past, each made from what was known then.

use super::{Auto, Forecast, ForecastError, Series};

/// Gaps in the history of up to so many samples are bridged by a straight line, of longer ones the
/// beginning.
const BRIDGED: usize = 24;

/// Lives through `series` from the sample `first` on: everything before it is history, each later sample
/// comes in like a live one, and models are fitted anew when they are due. Tells `each` forecast, the
/// first one from the history's last sample on.
///
/// A forecast knows no sample after its origin: gaps are bridged within the history only.
///
/// # Errors
/// The history holds no value, or `each` fails.
pub fn roll<E: From<ForecastError>>(
    auto: &mut Auto,
    series: &Series,
    first: usize,
    mut each: impl FnMut(Forecast) -> Result<(), E>,
) -> Result<(), E> {
    auto.fit(&auto.history(series, first).interpolated(BRIDGED))?;
    each(auto.forecast())?;
    for value in series.values.iter().skip(first) {
        auto.update(*value);
        if auto.due() {
            auto.refit();
        }
        each(auto.forecast())?;
    }
    Ok(())
}
