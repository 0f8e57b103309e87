//! The actuators against the real things: the kernel, a Docker engine, LXC containers.
//! What was written is read from the kernel's files, by the tests' own code.

/// Also run on a cgroup v2 host, by `tests/cgroup2.rs`.
mod cgroup;
mod docker;
mod lxc;

use loadline::actuate::Actuator;
use loadline::journal::Outcome;
use loadline::target::{Dimension, Target};
use loadline::units::Limit;

const MIB: u64 = 1 << 20;

fn target(labels: &[(&str, &str)]) -> Target {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Target { id: "test/target".into(), rule: "test".into(), labels }
}

/// Applies and insists on success.
async fn set(actuator: &Actuator, target: &Target, dimension: Dimension, to: f64) -> Limit<f64> {
    match actuator.apply(target, dimension, to).await {
        Outcome::Applied { size } => {
            assert_eq!(actuator.read(target, dimension).await.unwrap(), size);
            size
        }
        other => panic!("{dimension} to {to}: {other:?}"),
    }
}

/// Applies and insists on a failure that left the old size: gives the error.
async fn refused(actuator: &Actuator, target: &Target, dimension: Dimension, to: f64) -> String {
    let before = actuator.read(target, dimension).await.unwrap();
    match actuator.apply(target, dimension, to).await {
        Outcome::RolledBack { size, error } | Outcome::Failed { size: Some(size), error } => {
            assert_eq!(size, before, "{error}");
            error
        }
        other => panic!("{dimension} to {to}: {other:?}"),
    }
}
