//! What is told of one service: how many replicas it needs, why, and how sure that is.

use serde::{Deserialize, Serialize};

use super::label::is_idle;
use crate::features::Features;
use crate::features::kubernetes::pressure;

/// Below this request rate a service is hardly used.
const LOW_REQUEST_RATE: f64 = 1.0;
/// The most that one sign of unrest takes from the confidence.
const MOST_DOUBT: f64 = 0.3;
const LEAST_CONFIDENCE: f64 = 0.4;

/// The direction of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaAction {
    /// More replicas.
    ScaleUp,
    /// Fewer replicas.
    ScaleDown,
    /// As many.
    NoChange,
}

impl ReplicaAction {
    /// The word in JSON and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScaleUp => "scale_up",
            Self::ScaleDown => "scale_down",
            Self::NoChange => "no_change",
        }
    }
}

/// The answer about one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaDecision {
    /// The service.
    pub service_name: String,
    /// How many replicas there are.
    pub current_replicas: u32,
    /// How many there should be.
    pub predicted_replicas: u32,
    /// The direction.
    pub action: ReplicaAction,
    /// How many more, or fewer.
    pub change: u32,
    /// Why, one clause a cause, joined by "; ".
    pub reasoning: String,
    /// 0.4–1: how steady the metrics are.
    pub confidence: f64,
}

impl ReplicaDecision {
    /// The decision to go from `current` to `predicted` replicas, explained by `features`.
    pub fn new(service: &str, current: u32, predicted: u32, features: &Features) -> Self {
        let action = match predicted.cmp(&current) {
            std::cmp::Ordering::Greater => ReplicaAction::ScaleUp,
            std::cmp::Ordering::Less => ReplicaAction::ScaleDown,
            std::cmp::Ordering::Equal => ReplicaAction::NoChange,
        };
        Self {
            service_name: service.to_owned(),
            current_replicas: current,
            predicted_replicas: predicted,
            action,
            change: predicted.abs_diff(current),
            reasoning: reasons(action, features).join("; "),
            confidence: confidence(features),
        }
    }
}

/// 1, less a hundredth of the slope and of the deviation of the CPU in use, each 0.3 at most; never below
/// 0.4. What is missing takes nothing away.
fn confidence(features: &Features) -> f64 {
    let doubt = |name| features.get(name).map_or(0.0, |v| (v.abs() / 100.0).min(MOST_DOUBT));
    let sure = 1.0 - doubt("cpu_usage_percent_slope") - doubt("cpu_rolling_std");
    sure.clamp(LEAST_CONFIDENCE, 1.0)
}

fn reasons(action: ReplicaAction, features: &Features) -> Vec<String> {
    let cpu = features.get("cpu_usage_percent");
    let ram = features.get("ram_usage_percent");
    let mut reasons = Vec::new();
    let mut high = |value: Option<f64>, limit: f64, text: &dyn Fn(f64) -> String| {
        reasons.extend(value.filter(|value| *value > limit).map(text));
    };
    match action {
        ReplicaAction::ScaleUp => {
            high(cpu, pressure::CPU, &|v| format!("High CPU usage ({v:.1} %)"));
            high(ram, pressure::RAM, &|v| format!("High RAM usage ({v:.1} %)"));
            let time = features.get("response_time_ms");
            high(time, pressure::RESPONSE_TIME, &|v| format!("High response time ({v:.0} ms)"));
            let errors = features.get("error_rate");
            high(errors, pressure::ERROR_RATE, &|v| {
                format!("High error rate ({:.1} %)", 100.0 * v)
            });
            if reasons.is_empty() {
                reasons.push("Predicted increase in load".to_owned());
            }
        }
        ReplicaAction::ScaleDown => {
            if let Some((cpu, ram)) = cpu.zip(ram).filter(|(cpu, ram)| is_idle(*cpu, *ram)) {
                reasons.push(format!("Low utilisation (CPU {cpu:.1} %, RAM {ram:.1} %)"));
            }
            let rate = features.get("request_count_per_second");
            if let Some(rate) = rate.filter(|rate| *rate < LOW_REQUEST_RATE) {
                reasons.push(format!("Low request rate ({rate:.2} requests/s)"));
            }
            if reasons.is_empty() {
                reasons.push("Predicted decrease in load".to_owned());
            }
        }
        ReplicaAction::NoChange => reasons.push("Current capacity is optimal".to_owned()),
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::kubernetes::schema;

    fn features(values: &[(&str, f64)]) -> Features {
        let schema = schema();
        let value = |name: &String| values.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
        let row: Vec<_> = schema.names().iter().map(value).collect();
        Features::new(schema, row)
    }

    #[test]
    fn confidence_falls_with_unrest() {
        let of = |slope, deviation| {
            confidence(&features(&[
                ("cpu_usage_percent_slope", slope),
                ("cpu_rolling_std", deviation),
            ]))
        };
        assert!((of(0.5, 5.2) - 0.943).abs() < 1e-12);
        assert!((of(-20.0, 10.0) - 0.7).abs() < 1e-12);
        assert!((of(50.0, 10.0) - 0.6).abs() < 1e-12, "a slope takes 0.3 at most");
        assert!((of(100.0, 100.0) - 0.4).abs() < 1e-12);
        assert_eq!(confidence(&features(&[])), 1.0);
    }

    #[test]
    fn reasons_name_what_is_high_or_low() {
        let reasoning = |predicted, values: &[(&str, f64)]| {
            ReplicaDecision::new("a", 3, predicted, &features(values)).reasoning
        };
        assert_eq!(
            reasoning(
                4,
                &[
                    ("cpu_usage_percent", 80.0),
                    ("ram_usage_percent", 76.25),
                    ("response_time_ms", 600.4),
                    ("error_rate", 0.0625)
                ]
            ),
            "High CPU usage (80.0 %); High RAM usage (76.2 %); High response time (600 ms); High error \
             rate (6.2 %)"
        );
        assert_eq!(reasoning(4, &[("cpu_usage_percent", 70.0)]), "Predicted increase in load");
        assert_eq!(
            reasoning(
                2,
                &[
                    ("cpu_usage_percent", 10.0),
                    ("ram_usage_percent", 20.0),
                    ("request_count_per_second", 0.25)
                ]
            ),
            "Low utilisation (CPU 10.0 %, RAM 20.0 %); Low request rate (0.25 requests/s)"
        );
        assert_eq!(reasoning(2, &[("cpu_usage_percent", 10.0)]), "Predicted decrease in load");
        assert_eq!(reasoning(3, &[]), "Current capacity is optimal");
    }

    #[test]
    fn the_record_has_the_seeds_keys() {
        let decision = ReplicaDecision::new("a", 3, 1, &features(&[]));
        let json = serde_json::to_value(decision).expect("JSON");
        let expected = serde_json::json!({
            "service_name": "a",
            "current_replicas": 3,
            "predicted_replicas": 1,
            "action": "scale_down",
            "change": 2,
            "reasoning": "Predicted decrease in load",
            "confidence": 1.0,
        });
        assert_eq!(json, expected);
    }
}
