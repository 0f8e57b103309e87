//! What types cannot say: ranges, and values that contradict each other.

mod anchors;
mod detection;
mod forecast;
mod policy;
mod prometheus;
mod vertical;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use super::node::Node;
use super::{
    Actuators, Alerts, BasicAuth, Config, Detection, DetectionFile, Forecast, Global, Guard,
    Journal, Policy, Problem, Scale, TargetRule, Web,
};
use crate::target::{Dimension, Mode, Signal};
use crate::units::duration;

pub(super) use policy::policy_file_problems;
pub use prometheus::url_problem;

/// A window keeps between these many ticks: enough for the features, few enough for the memory.
const HISTORY_TICKS: std::ops::RangeInclusive<u128> = 10..=100_000;

/// Everything that is wrong with `config`, in the order of its file, of which `root` is the tree.
pub(super) fn problems(config: &Config, root: &Node) -> Vec<Problem> {
    let mut check = Check { root, problems: Vec::new() };
    check.global(&config.global);
    check.prometheus(&config.prometheus);
    check.targets(config);
    check.detection(&config.detection);
    check.forecast(&config.forecast);
    if let Some(model) = &config.predict.model {
        check.path(model, "predict.model");
    }
    if let Some(policy) = &config.policy {
        check.policy("policy", policy);
    }
    if let Some(guard) = &config.guard {
        check.guard("guard", guard);
    }
    check.alerts(&config.alerts);
    check.actuators(&config.actuators);
    check.web(&config.web);
    check.journal(&config.journal);
    let mut problems = check.problems;
    problems.sort();
    // A rule that inherits a wrong value shows it at the same place once more.
    problems.dedup_by(|b, a| a.at.is_some() && a.at == b.at && a.message == b.message);
    problems
}

/// Everything that is wrong with the settings of a look at the past, of whose file `root` is the tree.
pub(super) fn detection_file_problems(file: &DetectionFile, root: &Node) -> Vec<Problem> {
    let mut check = Check { root, problems: Vec::new() };
    if let Some(prometheus) = &file.prometheus {
        check.prometheus(prometheus);
    }
    check.detection(&file.detection);
    check.problems
}

/// Everything that is wrong with the settings of a single decision. Places are not known.
pub fn decision_problems(
    policy: Option<&Policy>,
    guard: Option<&Guard>,
    scale: Option<&Scale>,
) -> Vec<Problem> {
    let root = Node::from_json(serde_json::Value::Null);
    let mut check = Check { root: &root, problems: Vec::new() };
    if let Some(policy) = policy {
        check.policy("policy", policy);
    }
    if let Some(guard) = guard {
        check.guard("guard", guard);
    }
    if let Some(scale) = scale {
        check.scale("scale", scale);
    }
    check.problems
}

/// Everything that is wrong with the settings that a recorded process started with. Places are not known.
pub fn start_problems(detection: &Detection, forecast: &Forecast) -> Vec<Problem> {
    let root = Node::from_json(serde_json::Value::Null);
    let mut check = Check { root: &root, problems: Vec::new() };
    check.detection(detection);
    check.forecast(forecast);
    check.problems
}

struct Check<'a> {
    root: &'a Node,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Notes `message` at `key` unless `holds`.
    fn that(&mut self, holds: bool, key: impl Into<String>, message: impl Into<String>) {
        if !holds {
            let key = key.into();
            let at = self.root.position(&key);
            self.problems.push(Problem { at, key, message: message.into() });
        }
    }

    fn in_range(&mut self, value: f64, range: Range, key: impl Into<String>) {
        self.that(range.contains(value), key, format!("expected {}, found {value}", range.words));
    }

    fn positive(&mut self, value: Duration, key: impl Into<String>) {
        self.that(!value.is_zero(), key, "expected a duration above 0, found 0s");
    }

    fn not_empty(&mut self, text: &str, key: impl Into<String>) {
        self.that(!text.trim().is_empty(), key, "expected text, found none");
    }

    fn path(&mut self, path: &Path, key: &str) {
        self.that(!path.as_os_str().is_empty(), key, "expected a path, found none");
    }

    fn one_of<A, B>(
        &mut self,
        (a, a_name): (&Option<A>, &str),
        (b, b_name): (&Option<B>, &str),
        key: impl Into<String>,
    ) {
        let found = match (a.is_some(), b.is_some()) {
            (true, true) => "both",
            (false, false) => "neither",
            _ => return,
        };
        let message = format!("expected one of {a_name} and {b_name}, found {found}");
        self.that(false, key, message);
    }

    fn global(&mut self, global: &Global) {
        self.positive(global.evaluation_interval, "global.evaluation_interval");
        let ticks = global.history.as_millis() / global.evaluation_interval.as_millis().max(1);
        self.that(
            HISTORY_TICKS.contains(&ticks),
            "global.history",
            format!(
                "expected {} to {} evaluation intervals of {}, found {} ({ticks})",
                HISTORY_TICKS.start(),
                HISTORY_TICKS.end(),
                duration::format(global.evaluation_interval),
                duration::format(global.history)
            ),
        );
    }

    fn basic_auth(&mut self, basic: &BasicAuth, key: &str) {
        self.not_empty(&basic.username, format!("{key}.username"));
        self.one_of((&basic.password, "password"), (&basic.password_file, "password_file"), key);
    }

    fn targets(&mut self, config: &Config) {
        self.that(!config.targets.is_empty(), "targets", "expected at least one rule, found none");
        let mut names = HashSet::new();
        for (i, rule) in config.targets.iter().enumerate() {
            let key = format!("targets[{i}]");
            self.that(
                names.insert(&rule.name),
                format!("{key}.name"),
                format!("expected a name of its own, {:?} is another rule's", rule.name),
            );
            self.rule(rule, rule.mode.unwrap_or(config.global.mode), &key);
        }
    }

    fn rule(&mut self, rule: &TargetRule, mode: Mode, key: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        self.that(
            !rule.name.is_empty() && rule.name.chars().all(allowed),
            format!("{key}.name"),
            format!("expected a name of letters, digits, _ and -, found {:?}", rule.name),
        );
        self.not_empty(&rule.discover, format!("{key}.discover"));
        self.identity(&rule.identity, &format!("{key}.identity"));
        for (signal, query) in &rule.signals {
            self.not_empty(query, format!("{key}.signals.{signal}"));
        }
        for (dimension, scale) in &rule.scale {
            self.scale(&format!("{key}.scale.{dimension}"), scale);
        }
        self.replicas(rule, mode, key);
        if mode == Mode::Enforce {
            self.that(
                rule.actuator.is_some(),
                key,
                "the mode enforce needs an actuator: cgroup, docker or lxc",
            );
            self.that(
                !rule.scale.is_empty(),
                key,
                "the mode enforce needs bounds: scale with min and max for cpu, memory or both",
            );
        }
        if let Some(policy) = &rule.policy {
            self.policy(&format!("{key}.policy"), policy);
        }
        self.policy_fits(rule, key);
        if let Some(guard) = &rule.guard {
            self.guard(&format!("{key}.guard"), guard);
        }
    }

    /// What a rule that sizes the number of its replicas must say.
    fn replicas(&mut self, rule: &TargetRule, mode: Mode, key: &str) {
        if let Some(workload) = &rule.workload {
            self.in_range(workload.capacity, ABOVE_ZERO, format!("{key}.workload.capacity"));
            self.that(
                rule.signals.contains_key(&Signal::Load)
                    && rule.signals.contains_key(&Signal::ReplicasReady),
                format!("{key}.signals"),
                "expected the queries load and replicas_ready: workload speaks of replicas",
            );
        }
        if !rule.scale.contains_key(&Dimension::Replicas) {
            return;
        }
        let scale = format!("{key}.scale.replicas");
        self.that(
            rule.workload.is_some(),
            scale.as_str(),
            "expected workload with capacity: how much load one replica carries",
        );
        self.that(
            mode != Mode::Enforce,
            scale.as_str(),
            "expected the mode observe or advise: no actuator moves replicas; let an HPA or KEDA \
             read loadline_desired",
        );
    }

    /// A policy of a rule must be able to size what the rule moves.
    fn policy_fits(&mut self, rule: &TargetRule, key: &str) {
        let Some(policy) = &rule.policy else { return };
        let any = rule.scale.is_empty() || rule.scale.keys().any(|d| policy.supports(*d));
        self.that(
            any,
            format!("{key}.policy"),
            format!("expected a policy for what scale names, found {}", policy.name()),
        );
    }

    fn scale(&mut self, key: &str, scale: &Scale) {
        self.in_range(scale.min, ABOVE_ZERO, format!("{key}.min"));
        self.that(
            scale.min <= scale.max,
            key,
            format!("expected min <= max, found {} and {}", scale.min, scale.max),
        );
    }

    fn identity(&mut self, identity: &[String], key: &str) {
        self.that(!identity.is_empty(), key, "expected at least one label name, found none");
        let mut seen = HashSet::new();
        for (i, label) in identity.iter().enumerate() {
            let key = format!("{key}[{i}]");
            let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
            self.that(
                label.starts_with(letter)
                    && label.chars().all(|c| letter(c) || c.is_ascii_digit())
                    && label != "__name__",
                key.as_str(),
                format!("expected the name of a label, found {label:?}"),
            );
            self.that(seen.insert(label), key, format!("the label {label:?} is there twice"));
        }
    }

    fn guard(&mut self, key: &str, guard: &Guard) {
        let below_one = 1.0f64.next_down();
        let shrink = Range::new(0.0, Bound::Open, below_one, "a ratio above 0 and below 1");
        let tolerance = Range::new(0.0, Bound::Closed, below_one, "a ratio of at least 0, below 1");
        let at_least_zero = Range::new(0.0, Bound::Closed, f64::MAX, "a ratio of at least 0");
        self.in_range(guard.tolerance_ratio, tolerance, format!("{key}.tolerance_ratio"));
        self.in_range(guard.max_growth_ratio, ABOVE_ZERO, format!("{key}.max_growth_ratio"));
        self.in_range(guard.max_shrink_ratio, shrink, format!("{key}.max_shrink_ratio"));
        self.in_range(
            guard.memory_margin_ratio,
            at_least_zero,
            format!("{key}.memory_margin_ratio"),
        );
        self.positive(guard.peak_window, format!("{key}.peak_window"));
    }

    fn alerts(&mut self, alerts: &Alerts) {
        let mut seen = HashSet::new();
        for (i, rule) in alerts.rules.iter().enumerate() {
            let key = format!("alerts.rules[{i}]");
            self.not_empty(&rule.alertname, format!("{key}.alertname"));
            self.that(
                seen.insert((&rule.alertname, rule.dimension)),
                key.as_str(),
                format!("{:?} has another rule for {}", rule.alertname, rule.dimension),
            );
            let range = Range::new(0.0, Bound::Closed, f64::MAX, "a weight of at least 0");
            self.in_range(rule.weight, range, format!("{key}.weight"));
            self.positive(rule.ttl, format!("{key}.ttl"));
        }
        self.that(
            alerts.max_body_bytes >= 1024,
            "alerts.max_body_bytes",
            format!("expected at least 1024, found {}", alerts.max_body_bytes),
        );
    }

    fn actuators(&mut self, actuators: &Actuators) {
        self.path(&actuators.docker.socket, "actuators.docker.socket");
        self.positive(actuators.docker.timeout, "actuators.docker.timeout");
        self.path(&actuators.lxc.path, "actuators.lxc.path");
        self.path(&actuators.cgroup.sysfs, "actuators.cgroup.sysfs");
        self.path(&actuators.cgroup.procfs, "actuators.cgroup.procfs");
    }

    fn web(&mut self, web: &Web) {
        self.that(
            web.bearer_token.is_none() || web.bearer_token_file.is_none(),
            "web",
            "expected one of bearer_token and bearer_token_file, found both",
        );
        if let Some(token) = &web.bearer_token {
            self.not_empty(token, "web.bearer_token");
        }
        if let Some(basic) = &web.basic_auth {
            self.basic_auth(basic, "web.basic_auth");
        }
    }

    fn journal(&mut self, journal: &Journal) {
        self.path(&journal.path, "journal.path");
        if let Some(log) = &journal.suggestions_log {
            self.path(log, "journal.suggestions_log");
        }
        if let Some(recording) = &journal.recording {
            self.path(recording, "journal.recording");
        }
    }
}

/// Numbers from `least` to `most`, and how an error calls them. Not-a-number is in no range.
#[derive(Clone, Copy)]
struct Range {
    least: f64,
    bound: Bound,
    most: f64,
    words: &'static str,
}

/// Whether a range holds its least number.
#[derive(Clone, Copy, PartialEq)]
enum Bound {
    Open,
    Closed,
}

const ABOVE_ZERO: Range = Range::new(0.0, Bound::Open, f64::MAX, "a number above 0");

impl Range {
    const fn new(least: f64, bound: Bound, most: f64, words: &'static str) -> Self {
        Self { least, bound, most, words }
    }

    fn contains(self, value: f64) -> bool {
        (value > self.least || (value == self.least && self.bound == Bound::Closed))
            && value <= self.most
    }
}
