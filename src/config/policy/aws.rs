//! The scaling policies of AWS: target tracking and step scaling.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// Keep the mean utilisation near a target; quick to add, slow to take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetTracking {
    /// The utilisation aimed at.
    pub target_ratio: f64,
    /// The time that one point of the metric stands for.
    #[serde(with = "duration")]
    pub period: Duration,
    /// So many points in a row above the target add.
    pub points_out: u32,
    /// So many points in a row below the target, by the margin, take.
    pub points_in: u32,
    /// How far below the target, as a share of it, a point counts as low.
    pub margin_in_ratio: f64,
    /// How long nothing is taken after an action.
    #[serde(with = "duration")]
    pub cooldown_in: Duration,
    /// Whether nothing is ever taken.
    pub disable_scale_in: bool,
    /// The fewest replicas.
    pub min_replicas: u32,
}

impl Default for TargetTracking {
    fn default() -> Self {
        Self {
            target_ratio: 0.7,
            period: Duration::from_secs(60),
            points_out: 3,
            points_in: 15,
            margin_in_ratio: 0.1,
            cooldown_in: Duration::from_secs(300),
            disable_scale_in: false,
            min_replicas: 1,
        }
    }
}

/// The further the utilisation is from a threshold, the larger the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepScaling {
    /// The time that one point of the metric stands for.
    #[serde(with = "duration")]
    pub period: Duration,
    /// What adds.
    pub scale_out: StepAlarm,
    /// What takes.
    pub scale_in: StepAlarm,
    /// How long nothing is taken after an action.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// The fewest replicas.
    pub min_replicas: u32,
}

impl Default for StepScaling {
    fn default() -> Self {
        let step = |from, to, adjustment| StepAdjustment { from, to, adjustment };
        Self {
            period: Duration::from_secs(60),
            scale_out: StepAlarm {
                threshold_ratio: 0.7,
                points: 1,
                adjustment_type: AdjustmentType::PercentChangeInCapacity,
                min_adjustment_magnitude: 1,
                steps: vec![step(Some(0.0), Some(0.1), 10.0), step(Some(0.1), None, 30.0)],
            },
            scale_in: StepAlarm {
                threshold_ratio: 0.6,
                points: 5,
                adjustment_type: AdjustmentType::PercentChangeInCapacity,
                min_adjustment_magnitude: 1,
                steps: vec![step(Some(-0.2), Some(0.0), -10.0), step(None, Some(-0.2), -30.0)],
            },
            cooldown: Duration::from_secs(300),
            min_replicas: 1,
        }
    }
}

/// When one direction moves, and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAlarm {
    /// The utilisation that the steps count from.
    pub threshold_ratio: f64,
    /// So many points in a row beyond the threshold move.
    pub points: u32,
    /// What an adjustment counts.
    pub adjustment_type: AdjustmentType,
    /// The smallest change where the adjustment is a percentage.
    pub min_adjustment_magnitude: u32,
    /// The steps; together they leave no gap and do not overlap.
    pub steps: Vec<StepAdjustment>,
}

/// What an adjustment counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentType {
    /// Replicas more, or less where negative.
    ChangeInCapacity,
    /// Replicas in all.
    ExactCapacity,
    /// Hundredths of the present count.
    PercentChangeInCapacity,
}

/// One step: how far it is to the threshold, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAdjustment {
    /// The least utilisation above the threshold; `null` for all that are lower.
    #[serde(default)]
    pub from: Option<f64>,
    /// The utilisation above the threshold that is no longer meant; `null` for all that are higher.
    #[serde(default)]
    pub to: Option<f64>,
    /// The adjustment.
    pub adjustment: f64,
}
