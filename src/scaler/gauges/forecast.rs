//! What is forecast of a target, and how good that is.

use super::TargetFamily;
use crate::forecast::{Member, Standing};
use crate::scaler::engine::{TargetState, usage_of};
use crate::target::Dimension;
use crate::units::duration;

pub(super) const FAMILIES: [TargetFamily; 8] = [
    TargetFamily {
        name: "loadline_forecast",
        help: "What is expected of the usage after a horizon, by quantile; in cores, bytes or load",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                let Some(forecast) = state.forecaster().and_then(|f| f.forecast()) else {
                    continue;
                };
                for horizon in &forecast.horizons {
                    let after = duration::format(horizon.after);
                    for (level, value) in forecast.levels.iter().zip(&horizon.values) {
                        let labels = [
                            ("dimension", dimension.name()),
                            ("horizon", after.as_str()),
                            ("quantile", &level.to_string()),
                        ];
                        s.put(rule, t, &labels, *value)?;
                    }
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_short_term_forecast",
        help: "What boosting expects of the load by the time that a replica asked for now serves, by quantile",
        put: |s, rule, t| {
            let of_replicas = t.dimensions.get(&Dimension::Replicas);
            let Some(forecast) = of_replicas.and_then(|state| state.short_term()) else {
                return Ok(());
            };
            for horizon in &forecast.horizons {
                let after = duration::format(horizon.after);
                for (level, value) in forecast.levels.iter().zip(&horizon.values) {
                    let labels = [("horizon", after.as_str()), ("quantile", &level.to_string())];
                    s.put(rule, t, &labels, *value)?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_forecast_usage",
        help: "What is forecast, as measured at the last evaluation, in cores, bytes or load",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                let measured = state.forecaster().and_then(|_| t.measured(usage_of(*dimension)));
                if let Some(value) = measured {
                    s.put(rule, t, &[("dimension", dimension.name())], value)?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_forecast_origin_timestamp_seconds",
        help: "When the step ended whose mean is the newest sample of the forecast, in seconds since the Unix epoch",
        put: |s, rule, t| {
            for (dimension, state) in &t.dimensions {
                if let Some(forecast) = state.forecaster().and_then(|f| f.forecast()) {
                    let seconds = forecast.origin.seconds();
                    s.put(rule, t, &[("dimension", dimension.name())], seconds)?;
                }
            }
            Ok(())
        },
    },
    TargetFamily {
        name: "loadline_forecast_coverage_ratio",
        help: "Share of the last days' samples within the interval from quantile 0.05 to 0.95: 0.9 where the intervals are right",
        put: |s, rule, t| {
            each(t, |d, after, standing| match standing.coverage {
                Some(share) => s.put(rule, t, &[("dimension", d), ("horizon", after)], share),
                None => Ok(()),
            })
        },
    },
    TargetFamily {
        name: "loadline_forecast_loss_ratio",
        help: "Pinball loss of the last days over that of expecting the newest sample; below 1 is better",
        put: |s, rule, t| {
            each(t, |d, after, standing| match standing.loss_to_naive {
                Some(ratio) => s.put(rule, t, &[("dimension", d), ("horizon", after)], ratio),
                None => Ok(()),
            })
        },
    },
    TargetFamily {
        name: "loadline_forecast_model_weight",
        help: "How much a model counts in the forecast, from 0 to 1",
        put: |s, rule, t| {
            each(t, |d, after, standing| {
                for Member { kind, weight, .. } in &standing.members {
                    let labels = [("dimension", d), ("horizon", after), ("model", kind.name())];
                    s.put(rule, t, &labels, *weight)?;
                }
                Ok(())
            })
        },
    },
    TargetFamily {
        name: "loadline_forecast_model_info",
        help: "Always 1; the label model names the one that counts most",
        put: |s, rule, t| {
            each(t, |d, after, standing| match standing.leader() {
                Some(kind) => {
                    let labels = [("dimension", d), ("horizon", after), ("model", kind.name())];
                    s.put(rule, t, &labels, 1.0)
                }
                None => Ok(()),
            })
        },
    },
];

/// Calls `put` with dimension, horizon and standing of everything that is forecast of a target.
fn each(
    target: &TargetState,
    mut put: impl FnMut(&'static str, &str, &Standing) -> Result<(), std::fmt::Error>,
) -> Result<(), std::fmt::Error> {
    for (dimension, state) in &target.dimensions {
        for standing in state.forecaster().map(|f| f.standing()).unwrap_or_default() {
            put(dimension.name(), &duration::format(standing.after), &standing)?;
        }
    }
    Ok(())
}
