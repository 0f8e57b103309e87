//! `loadline.yml` → typed, validated settings. Every default is safe; the smallest useful file is
//!
//! ```yaml
//! prometheus:
//!   url: http://localhost:9090
//! targets:
//!   - name: containers
//! ```

mod de;
mod detection;
mod events;
mod forecast;
mod guard;
mod load;
mod node;
mod policy;
mod targets;
mod validate;
mod warnings;
mod web_file;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::target::{Dimension, Mode};
use crate::units::duration;

pub use detection::{Calibrated, Detection, DetectionMode, View};
pub use events::Event;
pub use forecast::Forecast;
pub use guard::Guard;
pub use load::{
    ConfigError, DetectionFile, PolicyFile, Problem, load, load_detection, load_policy, parse,
};
pub use node::Position;
pub use policy::{
    AdjustmentType, Aim, Autopilot, Behavior, Buffered, Cloud, CloudDecision, ConfidenceAware,
    Fallback, GrowthFrom, Hpa, Instance, Keda, Knative, Ladder, Policy, SafetyNet, ScalingKind,
    ScalingPolicy, ScalingRules, SelectPolicy, Senpai, SenpaiProgram, Shadow, ShadowLimits,
    SimpleCeiling, Static, Statistic, Step, StepAdjustment, StepAlarm, StepScaling, TargetTracking,
    Threshold, ThresholdDimension, Thresholds, Vpa,
};
pub use targets::{ActuatorKind, Scale, TargetRule, WorkloadRule};
pub use validate::{decision_problems, start_problems, url_problem};
pub use warnings::warnings;
pub use web_file::{HttpServerConfig, Places, RateLimit, TlsServerConfig, WebFile};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What holds for all targets.
    #[serde(default)]
    pub global: Global,
    /// Where the data come from.
    pub prometheus: Prometheus,
    /// What is watched.
    pub targets: Vec<TargetRule>,
    /// How the unusual is found.
    #[serde(default)]
    pub detection: Detection,
    /// What is forecast.
    #[serde(default)]
    pub forecast: Forecast,
    /// What is answered by a trained model.
    #[serde(default)]
    pub predict: Predict,
    /// How a size is chosen; where none is named, [`Policy::default_for`] the dimension.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// What a change must pass; where nothing is said, [`Guard::default_for`] the dimension.
    #[serde(default)]
    pub guard: Option<Guard>,
    /// What Alertmanager's webhooks mean.
    #[serde(default)]
    pub alerts: Alerts,
    /// How the world is reached.
    #[serde(default)]
    pub actuators: Actuators,
    /// Who may write to the scaler's HTTP interface.
    #[serde(default)]
    pub web: Web,
    /// What survives a restart.
    #[serde(default)]
    pub journal: Journal,
}

/// What holds for all targets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Global {
    /// How often every target is looked at.
    #[serde(with = "duration")]
    pub evaluation_interval: Duration,
    /// The mode of targets that name none.
    pub mode: Mode,
    /// How much history is kept in memory a target, and back-filled at start.
    #[serde(with = "duration")]
    pub history: Duration,
    /// Publish decisions about replicas under the names of the third seed too (`ml_predicted_replicas`
    /// and its kin), for an HPA behind prometheus-adapter and for KEDA. Read at the start.
    pub ml_metrics: bool,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            evaluation_interval: Duration::from_secs(30),
            mode: Mode::Observe,
            history: Duration::from_secs(6 * 3600),
            ml_metrics: false,
        }
    }
}

/// Where the data come from: Prometheus, or anything that speaks its query API.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prometheus {
    /// The base URL; `/api/v1/query` is added to it.
    pub url: String,
    /// How long one query may take.
    #[serde(with = "duration", default = "Prometheus::default_timeout")]
    pub timeout: Duration,
    /// A sample older than this is stale: it holds sizes, it never lowers them.
    #[serde(with = "duration", default = "Prometheus::default_max_sample_age")]
    pub max_sample_age: Duration,
    /// The range over which counters become rates. At least four scrape intervals, so that one lost
    /// scrape does not empty it.
    #[serde(with = "duration", default = "Prometheus::default_rate_interval")]
    pub rate_interval: Duration,
    /// How to authenticate, in Prometheus's own notation.
    #[serde(default)]
    pub http_config: HttpConfig,
}

impl Prometheus {
    /// The server at `url` with every default.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            timeout: Self::default_timeout(),
            max_sample_age: Self::default_max_sample_age(),
            rate_interval: Self::default_rate_interval(),
            http_config: HttpConfig::default(),
        }
    }

    fn default_timeout() -> Duration {
        Duration::from_secs(10)
    }

    fn default_max_sample_age() -> Duration {
        Duration::from_secs(120)
    }

    fn default_rate_interval() -> Duration {
        Duration::from_secs(60)
    }
}

/// A part of Prometheus's `http_config`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// A token.
    pub authorization: Option<Authorization>,
    /// Further headers, such as a tenant's (`X-Scope-OrgID`).
    pub http_headers: BTreeMap<String, String>,
    /// Trust.
    pub tls_config: TlsConfig,
}

/// User name and password. One of `password` and `password_file` is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// The password itself.
    pub password: Option<String>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
}

/// An `Authorization` header. One of `credentials` and `credentials_file` is set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The scheme.
    #[serde(rename = "type", default = "Authorization::bearer")]
    pub kind: String,
    /// The token itself.
    pub credentials: Option<String>,
    /// A file that holds it.
    pub credentials_file: Option<PathBuf>,
}

impl Authorization {
    fn bearer() -> String {
        "Bearer".to_owned()
    }
}

/// Trust in the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Trust anyone. For a laboratory.
    pub insecure_skip_verify: bool,
}

/// What Alertmanager's webhooks mean.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// Which alerts count, for what, and how much. An alert that no rule names is answered and ignored.
    pub rules: Vec<AlertRule>,
    /// The largest webhook body, in bytes.
    pub max_body_bytes: usize,
}

impl Default for Alerts {
    fn default() -> Self {
        let rule = |alertname: &str, dimension, weight| AlertRule {
            alertname: alertname.to_owned(),
            dimension,
            weight,
            ttl: AlertRule::default_ttl(),
        };
        Self {
            rules: vec![
                rule("ContainerCpuSaturated", Dimension::Cpu, 1.0),
                rule("ContainerMemoryPressure", Dimension::Memory, 1.0),
                rule("ContainerAnomalous", Dimension::Cpu, 0.5),
                rule("ContainerAnomalous", Dimension::Memory, 0.5),
            ],
            max_body_bytes: 4 << 20,
        }
    }
}

/// What one alert means. It reaches a target whose identity labels all stand in the alert's labels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// The alert's name.
    pub alertname: String,
    /// What it speaks for.
    pub dimension: Dimension,
    /// How much; from 1 on, the alerts of a target ask for growth by themselves, below they only hold.
    #[serde(default = "AlertRule::default_weight")]
    pub weight: f64,
    /// How long it counts without being repeated. Longer than Alertmanager's `repeat_interval`.
    #[serde(with = "duration", default = "AlertRule::default_ttl")]
    pub ttl: Duration,
}

impl AlertRule {
    fn default_weight() -> f64 {
        1.0
    }

    fn default_ttl() -> Duration {
        Duration::from_secs(15 * 60)
    }
}

/// How the world is reached.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actuators {
    /// Docker's.
    pub docker: DockerActuator,
    /// LXC's.
    pub lxc: LxcActuator,
    /// The kernel's own files.
    pub cgroup: CgroupActuator,
}

/// The Docker Engine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerActuator {
    /// The engine's socket.
    pub socket: PathBuf,
    /// How long one call may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Default for DockerActuator {
    fn default() -> Self {
        Self { socket: "/var/run/docker.sock".into(), timeout: Duration::from_secs(10) }
    }
}

/// LXC.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LxcActuator {
    /// Where the containers' folders are (`lxcpath`).
    pub path: PathBuf,
}

impl Default for LxcActuator {
    fn default() -> Self {
        Self { path: "/var/lib/lxc".into() }
    }
}

/// The kernel's own files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CgroupActuator {
    /// Where sysfs is mounted.
    pub sysfs: PathBuf,
    /// Where procfs is mounted.
    pub procfs: PathBuf,
}

impl Default for CgroupActuator {
    fn default() -> Self {
        Self { sysfs: "/sys".into(), procfs: "/proc".into() }
    }
}

/// Who may write to the scaler's HTTP interface (webhooks, reload). Reading is open.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// A bearer token. One of the two may be set.
    pub bearer_token: Option<String>,
    /// A file that holds it.
    pub bearer_token_file: Option<PathBuf>,
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// Let anyone who reaches the port write. Without this and without credentials, writes are refused.
    pub allow_unauthenticated_writes: bool,
}

/// What is answered by a trained model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predict {
    /// The model of `POST /predict`, a file of `loadline train`; without one there is no such route. Read
    /// at the start.
    pub model: Option<PathBuf>,
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// The folder of the journal and of the saved models. Made if missing.
    pub path: PathBuf,
    /// The log of suggestions: JSON, one object a line. `None`: none is written.
    pub suggestions_log: Option<PathBuf>,
    /// The recording of everything that decisions rest on, for `loadline replay`: JSON, one object a
    /// line. `None`: none is written.
    pub recording: Option<PathBuf>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { path: "/var/lib/loadline".into(), suggestions_log: None, recording: None }
    }
}
