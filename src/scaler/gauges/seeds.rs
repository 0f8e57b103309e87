//! The gauges of the third seed, for an HPA behind prometheus-adapter and for KEDA.

use std::fmt::Error;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::guard::Decision;
use crate::scaler::autoscale::confidence;
use crate::scaler::engine::{DimensionState, Engine};
use crate::target::{Dimension, Target};
use crate::units::Limit;

/// The name under which a service is known: the label `service`, else `name`, else the target's id.
pub fn service(target: &Target) -> &str {
    let label = |name: &str| target.labels.get(name).filter(|value| !value.is_empty());
    label("service").or_else(|| label("name")).map_or(target.id.as_str(), String::as_str)
}

/// Reads the engine at each scrape.
pub(super) struct SeedGauges(pub(super) Arc<RwLock<Engine>>);

impl std::fmt::Debug for SeedGauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeedGauges")
    }
}

type Value = fn(&DimensionState, &Decision) -> Option<f64>;

const FAMILIES: [(&str, &str, Value); 3] = [
    ("ml_predicted_replicas", "The replicas decided on", |_, decision| decision.desired),
    ("ml_current_replicas", "The replicas there are", |_, decision| {
        decision.current.and_then(Limit::value)
    }),
    ("ml_prediction_confidence", "How sure the forecast is, from 0 to 1", |state, _| {
        let forecast = state.forecaster().and_then(|stream| stream.forecast());
        forecast.and_then(|forecast| confidence(forecast))
    }),
];

impl Collector for SeedGauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let engine = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (name, help, value) in FAMILIES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (_, _, target) in engine.targets() {
                let Some(state) = target.dimensions.get(&Dimension::Replicas) else { continue };
                let Some(decision) = &state.decision else { continue };
                if let Some(value) = value(state, decision) {
                    let labels = [("service", service(&target.target))];
                    ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
