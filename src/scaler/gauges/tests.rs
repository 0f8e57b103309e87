use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::{LoopMetrics, registry};
use crate::config::{Detection, Forecast, Policy, WorkloadRule};
use crate::scaler::engine::{DimensionSettings, Engine, Lesson, Quiet, RuleSettings};
use crate::scaler::observed::Observed;
use crate::target::{Dimension, Labels, Mode, Signal, Target};
use crate::units::Timestamp;
use crate::window::{Observation, Reading};

/// An engine with a rule that is decided by the policy `default`.
fn engine(dimensions: &[Dimension], workload: Option<WorkloadRule>) -> Engine {
    let of = |dimension: &Dimension| {
        let policy = Policy::named("default");
        (*dimension, DimensionSettings::new(*dimension, None, policy, None))
    };
    let dimensions = dimensions.iter().map(of).collect();
    let settings = RuleSettings {
        mode: Mode::Advise,
        dimensions,
        workload,
        step: RuleSettings::SHORTEST_STEP,
    };
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 20);
    engine.set_rules([("shop".into(), settings)]).expect("valid settings");
    engine
}

/// The target `a`, every five minutes.
fn seen(tick: u32, signals: &[(Signal, f64)]) -> Observed {
    let target = Target { id: "a".into(), rule: "shop".into(), labels: Labels::new() };
    let at = at(tick);
    let mut observation = Observation::empty(at);
    for (signal, value) in signals {
        observation.set(*signal, Reading::fresh(*value));
    }
    Observed { target: target.into(), observation, sampled_at: Some(at) }
}

fn at(tick: u32) -> Timestamp {
    Timestamp::from_millis(0).plus(Duration::from_secs(300) * tick)
}

/// The published lines whose family begins like this.
fn published(engine: Engine, prefix: &str) -> Vec<String> {
    let registry = registry(&LoopMetrics::default(), Arc::new(RwLock::new(engine)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("in memory");
    text.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

/// What is published of the arms after so many ticks of limits.
fn arms_of_limits(ticks: u32) -> Vec<String> {
    let mut engine = engine(&Dimension::LIMITS, None);
    for tick in 0..ticks {
        let cores = 0.5 + 0.1 * f64::from(tick % 12) / 12.0;
        let observed = seen(
            tick,
            &[
                (Signal::CpuUsageCores, cores),
                (Signal::CpuLimitCores, 2.0),
                (Signal::MemoryWorkingSetBytes, cores * 1e9),
                (Signal::MemoryLimitBytes, 2e9),
            ],
        );
        engine.tick("shop", at(tick), vec![observed], &Quiet);
    }
    published(engine, "loadline_arm_")
}

#[test]
fn the_rule_of_a_limit_is_told_with_its_record_and_the_next_best() {
    assert_eq!(arms_of_limits(200), Vec::<String>::new(), "no rule is obeyed on the first day");
    let lines = arms_of_limits(600);
    let value = |family: &str, dimension: &str, role: &str| -> Vec<f64> {
        let labels = format!("dimension=\"{dimension}\",role=\"{role}\"");
        let of = lines.iter().filter(|line| line.starts_with(family) && line.contains(&labels));
        of.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect()
    };
    for (dimension, peak) in [("cpu", 0.6), ("memory", 0.6e9)] {
        for role in ["obeyed", "runner_up"] {
            assert_eq!(value("loadline_arm_info{", dimension, role), [1.0], "{lines:#?}");
            let limit = value("loadline_arm_limit{", dimension, role);
            assert!(matches!(limit[..], [l] if l > 0.9 * peak && l < 2.0 * peak), "{limit:?}");
            let short = value("loadline_arm_short_ratio{", dimension, role);
            assert!(matches!(short[..], [s] if (0.0..0.5).contains(&s)), "{short:?}");
        }
    }
    let of_memory = "dimension=\"memory\",role=\"obeyed\",arm=\"1.1 times the peak of ";
    assert!(lines.iter().any(|line| line.contains(of_memory)), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("loadline_arm_replicas")), "{lines:#?}");
}

#[test]
fn what_is_measured_is_told_while_it_is() {
    let workload = WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(120) };
    let told = |ticks: &[Vec<Observed>]| {
        let mut engine = engine(&[Dimension::Replicas], Some(workload.clone()));
        for (tick, observed) in (0..).zip(ticks) {
            engine.tick("shop", at(tick), observed.clone(), &Quiet);
        }
        let lines = published(engine, "loadline_");
        let value = |family: &str| {
            let line = lines.iter().find(|line| line.starts_with(family));
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        };
        (value("loadline_forecast_usage{"), value("loadline_replicas_ready{"))
    };
    let loaded = vec![seen(0, &[(Signal::Load, 70.0), (Signal::ReplicasReady, 8.0)])];
    let ticks = [loaded, Vec::new()];
    assert_eq!(told(&ticks[..1]), (Some(70.0), Some(8.0)));
    assert_eq!(told(&ticks), (None, None), "it was not found");
}

#[test]
fn what_boosting_expects_is_told_by_quantile() {
    let workload = WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(120) };
    let mut engine = engine(&[Dimension::Replicas], Some(workload));
    engine.tick("shop", at(0), vec![seen(0, &[(Signal::Load, 20.0)])], &Quiet);
    let lesson = engine.lessons("shop").remove(0);
    let start = at(0).minus(lesson.step * 400);
    engine.graduate(Lesson { start, values: vec![Some(20.0); 400], ..lesson }.learn());
    let lines = published(engine, "loadline_short_term_forecast");
    let told = |quantile: &str| {
        let labels = format!("horizon=\"3m\",quantile=\"{quantile}\"}} 20.0");
        lines.iter().filter(|line| line.ends_with(&labels)).count()
    };
    assert_eq!(["0.5", "0.9", "0.97", "0.99"].map(told), [1; 4], "{lines:#?}");
}
