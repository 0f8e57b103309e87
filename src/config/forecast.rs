//! What is forecast, by which models, how far.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::target::Dimension;
use crate::units::duration;

/// What is forecast, by which models, how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forecast {
    /// Of which dimensions the usage is forecast.
    pub dimensions: Vec<Dimension>,
    /// The models that are weighed against each other, by the names of `loadline forecast --help`. Empty:
    /// all that cost next to nothing.
    pub models: Vec<String>,
    /// The time that one sample stands for: ticks within it are averaged.
    #[serde(with = "duration")]
    pub step: Duration,
    /// How far ahead.
    #[serde(with = "durations")]
    pub horizons: Vec<Duration>,
    /// The levels of the quantiles that are told, rising.
    pub quantiles: Vec<f64>,
    /// Whether boosting tells the policies `default`, `slo` and `price` the load at the end of a start-up.
    /// It is fitted anew every three days, which takes seconds for each service.
    pub short_term: bool,
    /// Known events, past and to come.
    pub events: Vec<Event>,
    /// How much of the past is asked of Prometheus for a new target.
    #[serde(with = "duration")]
    pub history: Duration,
}

impl Forecast {
    /// The names that `models` takes. The neural ones are not in every build.
    pub const MODELS: [&str; 13] = [
        "naive",
        "seasonal_naive_day",
        "seasonal_naive_week",
        "seasonal_ar1_day",
        "seasonal_ar1_week",
        "ets",
        "holt_winters",
        "mstl",
        "prophet",
        "boosting",
        "random_forest",
        "lstm",
        "lstm_cnn",
    ];

    /// The cargo feature that the model of this name needs, where this build lacks it.
    pub fn lacking(model: &str) -> Option<&'static str> {
        let neural = ["lstm", "lstm_cnn"].contains(&model);
        (neural && !cfg!(feature = "neural")).then_some("neural")
    }
}

impl Default for Forecast {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(60 * m);
        Self {
            dimensions: vec![Dimension::Replicas],
            models: Vec::new(),
            step: minutes(5),
            horizons: vec![minutes(5), minutes(15), minutes(60)],
            quantiles: vec![0.05, 0.5, 0.9, 0.95],
            short_term: true,
            events: Vec::new(),
            history: minutes(14 * 24 * 60),
        }
    }
}

/// A list of durations in Prometheus's notation.
mod durations {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::units::duration;

    pub fn serialize<S: Serializer>(list: &[Duration], s: S) -> Result<S::Ok, S::Error> {
        list.iter().map(|d| duration::format(*d)).collect::<Vec<_>>().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        let parse = |text: &String| duration::parse(text).map_err(serde::de::Error::custom);
        texts.iter().map(parse).collect()
    }
}
