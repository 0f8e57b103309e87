//! Limits of one container: the anchors' recommenders, and the rules in shadow of `default`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{amount, duration};

const HOUR: Duration = Duration::from_secs(3600);

/// The recommender of the Kubernetes VerticalPodAutoscaler, and its updater's rule for acting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vpa {
    /// The percentile of the limit that is recommended, in (0, 1].
    pub target_percentile: f64,
    /// The percentile of the lower bound: a smaller limit is changed at once.
    pub lower_percentile: f64,
    /// The percentile of the upper bound: a larger limit is changed at once.
    pub upper_percentile: f64,
    /// What is added to every percentile, as a share of it.
    pub margin_ratio: f64,
    /// After this time a sample counts half.
    #[serde(with = "duration")]
    pub half_life: Duration,
    /// The least CPU that is recommended, in cores.
    pub min_cores: f64,
    /// The least memory that is recommended.
    #[serde(with = "amount")]
    pub min_bytes: f64,
    /// Between the bounds, how long a limit stays before it is looked at again.
    #[serde(with = "duration")]
    pub min_lifetime: Duration,
    /// And the least change that is then made, as a share of the limit.
    pub min_change_ratio: f64,
}

impl Default for Vpa {
    fn default() -> Self {
        Self {
            target_percentile: 0.9,
            lower_percentile: 0.5,
            upper_percentile: 0.95,
            margin_ratio: 0.15,
            half_life: 24 * HOUR,
            min_cores: 0.025,
            min_bytes: 250e6,
            min_lifetime: 12 * HOUR,
            min_change_ratio: 0.1,
        }
    }
}

/// Autopilot's moving window: a statistic of the use of the last days, and a margin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Autopilot {
    /// The statistic; without one it is `p95` for the CPU and `p98` for memory.
    pub statistic: Option<Statistic>,
    /// What is added to it, as a share of it.
    pub margin_ratio: f64,
    /// After this time a sample of the CPU counts half.
    #[serde(with = "duration")]
    pub cpu_half_life: Duration,
    /// After this time a sample of memory counts half.
    #[serde(with = "duration")]
    pub memory_half_life: Duration,
    /// How far back the peak is looked for.
    #[serde(with = "duration")]
    pub peak_window: Duration,
    /// The highest recommendation of this time is taken.
    #[serde(with = "duration")]
    pub stabilization_window: Duration,
}

impl Default for Autopilot {
    fn default() -> Self {
        Self {
            statistic: None,
            margin_ratio: 0.1,
            cpu_half_life: 12 * HOUR,
            memory_half_life: 48 * HOUR,
            peak_window: 24 * HOUR,
            stabilization_window: HOUR,
        }
    }
}

/// What Autopilot takes of the use. Percentiles are weighted by the load itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The peak of `peak_window`.
    Peak,
    /// The mean: batch jobs' CPU.
    Mean,
    /// The 98th percentile.
    P98,
    /// The 95th percentile.
    P95,
    /// The 90th percentile.
    P90,
    /// The 60th percentile, and at least half the peak.
    P60,
}

impl Statistic {
    /// Every statistic.
    pub const ALL: [Self; 6] = [Self::Peak, Self::Mean, Self::P98, Self::P95, Self::P90, Self::P60];

    /// The name of the policy with this statistic, in `--policies` and in reports.
    pub const fn policy_name(self) -> &'static str {
        match self {
            Self::Peak => "autopilot_peak",
            Self::Mean => "autopilot_mean",
            Self::P98 => "autopilot_p98",
            Self::P95 => "autopilot_p95",
            Self::P90 => "autopilot_p90",
            Self::P60 => "autopilot_p60",
        }
    }
}

/// senpai: take memory away until tasks begin to wait for it, give it back when they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Senpai {
    /// Which of its two programs.
    pub program: SenpaiProgram,
    /// How long tasks may wait for memory within an interval.
    #[serde(with = "duration")]
    pub pressure: Duration,
    /// The time between two steps.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// The largest step down, as a share of the limit.
    pub max_probe_ratio: f64,
    /// The largest step up, as a share of the limit.
    pub max_backoff_ratio: f64,
    /// The larger, the shorter the steps down.
    pub probe_coefficient: f64,
    /// The larger, the shorter the steps up.
    pub backoff_coefficient: f64,
    /// `oomd`: from this share of time on in which tasks wait, nothing is taken.
    pub calm_ratio: f64,
}

impl Default for Senpai {
    fn default() -> Self {
        Self {
            program: SenpaiProgram::Daemon,
            pressure: Duration::from_millis(10),
            interval: Duration::from_secs(6),
            max_probe_ratio: 0.01,
            max_backoff_ratio: 1.0,
            probe_coefficient: 10.0,
            backoff_coefficient: 20.0,
            calm_ratio: 0.001,
        }
    }
}

/// senpai's two programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenpaiProgram {
    /// `senpai.py`: between 100 MiB and 100 GiB.
    #[default]
    Daemon,
    /// The plugin of oomd: between the use + 100 MiB and the use + 10 GiB, down only where it is calm.
    Oomd,
}

/// What `default` aims at where it sizes limits. Each rule in shadow is held to the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShadowLimits {
    /// The share of five-minute spans in which memory may come near its limit, in (0, 1).
    pub memory_short_ratio: f64,
    /// The share of five-minute spans in which the CPU may come near its limit, in (0, 1).
    pub cpu_short_ratio: f64,
    /// How long a memory limit stays before it is lowered; give 12h to what restarts to be resized.
    #[serde(with = "duration")]
    pub memory_hold: Duration,
    /// How long a CPU limit stays before it is lowered.
    #[serde(with = "duration")]
    pub cpu_hold: Duration,
}

impl Default for ShadowLimits {
    fn default() -> Self {
        Self {
            memory_short_ratio: 0.0001,
            cpu_short_ratio: 0.006,
            memory_hold: 3 * HOUR,
            cpu_hold: HOUR,
        }
    }
}
