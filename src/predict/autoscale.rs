//! What is told of one instance: the CPU to come, how sure that is, and what is done about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Below this mean, in percent, the deviation is set against [`QUIET_SPREAD`] instead of the mean.
const QUIET_MEAN: f64 = 1.0;
/// In percent.
const QUIET_SPREAD: f64 = 50.0;

/// How sure a prediction of the CPU is, 0–1: 1 / (1 + the coefficient of variation of the last 60
/// samples); of a mean below 1 % the deviation is divided by 50 instead. `None` where mean or deviation
/// is missing.
pub fn confidence(mean: Option<f64>, deviation: Option<f64>) -> Option<f64> {
    let (mean, deviation) = mean.zip(deviation)?;
    let variation = deviation / if mean < QUIET_MEAN { QUIET_SPREAD } else { mean };
    Some((1.0 / (1.0 + variation)).clamp(0.0, 1.0))
}

/// The direction of a decision about an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceAction {
    /// The next larger instance type.
    ScaleUp,
    /// The next smaller one.
    ScaleDown,
    /// None.
    Noop,
}

impl InstanceAction {
    /// The word in JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScaleUp => "scale_up",
            Self::ScaleDown => "scale_down",
            Self::Noop => "noop",
        }
    }
}

/// The answer of `GET /autoscale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoscale {
    /// The moment.
    pub timestamp: Timestamp,
    /// The CPU to come, in percent.
    pub predicted_cpu: f64,
    /// How sure that is, 0–1.
    pub confidence: f64,
    /// What should be done.
    pub decision: InstanceAction,
    /// Why.
    pub reason: String,
    /// The type of the instance, where it is known.
    pub current_instance_type: String,
    /// What was done: the decision's word, or `none`.
    pub action_taken: String,
    /// Whether nothing is ever done.
    pub dry_run: bool,
    /// What came of it; missing where nothing was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_result: Option<AwsResult>,
}

/// What came of a change of instance type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwsResult {
    /// Whether it was made, or would have been in a dry run.
    pub success: bool,
    /// Whether nothing was changed on purpose.
    pub dry_run: bool,
    /// The type before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_type: Option<String>,
    /// The type after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_type: Option<String>,
    /// Why it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One line for a log, parts apart by pipes.
impl fmt::Display for Autoscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamp, predicted_cpu, confidence, reason, action_taken, .. } = self;
        let (kind, decision) = (&self.current_instance_type, self.decision.name());
        write!(
            f,
            "timestamp={timestamp} | current_instance_type={kind} | \
             predicted_cpu={predicted_cpu:.2} | confidence={confidence:.3} | decision={decision} | \
             action_taken={action_taken} | reason={reason}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_falls_with_variation() {
        let of = |mean, deviation| confidence(Some(mean), Some(deviation));
        assert_eq!(of(50.0, 0.0), Some(1.0));
        assert_eq!(of(50.0, 50.0), Some(0.5));
        assert_eq!(of(20.0, 5.0), Some(0.8));
        assert_eq!(of(0.5, 5.0), Some(1.0 / 1.1), "quiet: against 50");
        assert_eq!(confidence(None, Some(1.0)), None);
    }

    #[test]
    fn the_answer_has_the_seeds_keys() {
        let answer = Autoscale {
            timestamp: Timestamp::from_millis(1_769_860_800_000),
            predicted_cpu: 81.25,
            confidence: 0.9,
            decision: InstanceAction::ScaleUp,
            reason: "predicted CPU above 75 %".to_owned(),
            current_instance_type: "t2.small".to_owned(),
            action_taken: "scale_up".to_owned(),
            dry_run: true,
            aws_result: Some(AwsResult {
                success: true,
                dry_run: true,
                old_type: Some("t2.small".to_owned()),
                new_type: Some("t2.medium".to_owned()),
                reason: None,
            }),
        };
        let expected = serde_json::json!({
            "timestamp": "2026-01-31T12:00:00.000Z",
            "predicted_cpu": 81.25,
            "confidence": 0.9,
            "decision": "scale_up",
            "reason": "predicted CPU above 75 %",
            "current_instance_type": "t2.small",
            "action_taken": "scale_up",
            "dry_run": true,
            "aws_result": {
                "success": true,
                "dry_run": true,
                "old_type": "t2.small",
                "new_type": "t2.medium",
            },
        });
        assert_eq!(serde_json::to_value(&answer).expect("JSON"), expected);
        assert_eq!(
            answer.to_string(),
            "timestamp=2026-01-31T12:00:00.000Z | current_instance_type=t2.small | \
             predicted_cpu=81.25 | confidence=0.900 | decision=scale_up | action_taken=scale_up | \
             reason=predicted CPU above 75 %"
        );
    }
}
