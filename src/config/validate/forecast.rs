//! The settings of forecasts.

use std::time::Duration;

use super::{Bound, Check, Range};
use crate::config::{Event, Forecast};
use crate::units::duration;

/// How many samples a history may have: those of a minute's step over two months.
const MOST_SAMPLES: u128 = 90_000;

impl Check<'_> {
    pub(super) fn forecast(&mut self, forecast: &Forecast) {
        let key = |name: &str| format!("forecast.{name}");
        self.positive(forecast.step, key("step"));
        for (i, model) in forecast.models.iter().enumerate() {
            self.that(
                Forecast::MODELS.contains(&model.as_str()),
                format!("forecast.models[{i}]"),
                format!("expected one of {}, found {model:?}", Forecast::MODELS.join(", ")),
            );
        }
        let problem = Event::problem(&forecast.events);
        self.that(problem.is_none(), key("events"), problem.unwrap_or_default());
        let known = forecast.models.iter().any(|model| model == Event::MODEL);
        self.that(
            forecast.events.is_empty() || known,
            key("events"),
            format!(
                "expected {} among forecast.models: no other model knows of events",
                Event::MODEL
            ),
        );
        let step = forecast.step.max(Duration::from_millis(1));
        self.that(!forecast.horizons.is_empty(), key("horizons"), "expected at least one horizon");
        for (i, horizon) in forecast.horizons.iter().enumerate() {
            self.that(
                *horizon >= step && horizon.as_millis() % step.as_millis() == 0,
                format!("forecast.horizons[{i}]"),
                format!(
                    "expected a multiple of forecast.step ({}), found {}",
                    duration::format(step),
                    duration::format(*horizon)
                ),
            );
        }
        self.rising(&forecast.horizons, &key("horizons"));
        self.that(!forecast.quantiles.is_empty(), key("quantiles"), "expected at least one level");
        let level = Range::new(0.0, Bound::Open, 1.0f64.next_down(), "a level between 0 and 1");
        for (i, quantile) in forecast.quantiles.iter().enumerate() {
            self.in_range(*quantile, level, format!("forecast.quantiles[{i}]"));
        }
        self.rising(&forecast.quantiles, &key("quantiles"));
        let samples = forecast.history.as_millis() / step.as_millis();
        self.that(
            (1..=MOST_SAMPLES).contains(&samples),
            key("history"),
            format!("expected 1 to {MOST_SAMPLES} steps, found {samples}"),
        );
    }

    fn rising<T: PartialOrd>(&mut self, list: &[T], key: &str) {
        let message = "expected each to be larger than the one before";
        self.that(list.is_sorted_by(|a, b| a < b), key, message);
    }
}
