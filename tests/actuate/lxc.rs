//! Real LXC containers: the running one and its configuration file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use loadline::actuate::Actuator;
use loadline::config::{ActuatorKind, Actuators};
use loadline::journal::Outcome;
use loadline::target::Dimension;
use loadline::units::Limit;

use super::{MIB, set, target};
use crate::support::cgroup;
use crate::support::host::can_run;
use crate::support::lxc::{self, LxcContainer};

fn lxc_actuator(container: &LxcContainer) -> Actuator {
    let mut config = Actuators::default();
    config.lxc.path = container.lxcpath().to_path_buf();
    Actuator::new(ActuatorKind::Lxc, &config).unwrap()
}

/// Limits of an LXC container's configuration, in the notation of this host's hierarchy.
fn lxc_settings(quota_us: u64, bytes: u64) -> String {
    if cgroup::is_v2() {
        format!("lxc.cgroup2.cpu.max = {quota_us} 100000\nlxc.cgroup2.memory.max = {bytes}\n")
    } else {
        format!(
            "lxc.cgroup.cpu.cfs_quota_us = {quota_us}\nlxc.cgroup.memory.limit_in_bytes = {bytes}\n"
        )
    }
}

#[tokio::test]
async fn lxc_containers_keep_their_limits() {
    if !can_run("lxc_containers_keep_their_limits", &lxc::PROGRAMS) {
        return;
    }
    let name = format!("loadline-test-{}-keep", std::process::id());
    let container = LxcContainer::start(&name, &lxc_settings(50_000, 64 * MIB));
    let (actuator, file) = (lxc_actuator(&container), container.config_file());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(&file, Some(0), Some(7)).unwrap();
    let before = fs::read_to_string(&file).unwrap();
    let target = target(&[("name", &name)]);
    assert_eq!(actuator.read(&target, Dimension::Cpu).await, Ok(Limit::At(0.5)));

    set(&actuator, &target, Dimension::Cpu, 1.25).await;
    set(&actuator, &target, Dimension::Memory, (96 * MIB) as f64).await;
    assert_eq!(container.cpu_cores(), Some(1.25));
    assert_eq!(container.memory_bytes(), Some(96 * MIB));
    let expected =
        before.replace(&lxc_settings(50_000, 64 * MIB), &lxc_settings(125_000, 96 * MIB));
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    let meta = fs::metadata(&file).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid()), (0o640, 0, 7));

    container.restart();
    assert_eq!(container.cpu_cores(), Some(1.25));
    assert_eq!(container.memory_bytes(), Some(96 * MIB));
}

#[tokio::test]
async fn an_lxc_container_is_changed_wholly_or_not() {
    if !can_run("an_lxc_container_is_changed_wholly_or_not", &lxc::PROGRAMS) {
        return;
    }
    let name = format!("loadline-test-{}-whole", std::process::id());
    let container = LxcContainer::start(&name, "");
    let (actuator, file) = (lxc_actuator(&container), container.config_file());
    let before = fs::read_to_string(&file).unwrap();
    // The path of a process inside, as where the container runs its own groups.
    let target = target(&[("id", &format!("{}/init.scope", container.cgroup()))]);

    // The file cannot be replaced: the new one's place is taken by a folder.
    let taken = file.with_extension("loadline");
    fs::create_dir(&taken).unwrap();
    for (dimension, to) in [(Dimension::Cpu, 0.5), (Dimension::Memory, (64 * MIB) as f64)] {
        let outcome = actuator.apply(&target, dimension, to).await;
        let Outcome::RolledBack { size: Limit::Max, error } = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.contains("cannot replace the container's configuration"), "{error}");
    }
    assert_eq!((container.cpu_cores(), container.memory_bytes()), (None, None));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);

    fs::remove_dir(&taken).unwrap();
    // Both at once: neither loses the other's line.
    let (cpu, memory) = tokio::join!(
        actuator.apply(&target, Dimension::Cpu, 0.5),
        actuator.apply(&target, Dimension::Memory, (64 * MIB) as f64)
    );
    assert_eq!(cpu, Outcome::Applied { size: Limit::At(0.5) });
    assert_eq!(memory, Outcome::Applied { size: Limit::At((64 * MIB) as f64) });
    let expected = format!("{before}{}", lxc_settings(50_000, 64 * MIB));
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[tokio::test]
async fn an_unknown_lxc_container_is_told() {
    let mut config = Actuators::default();
    config.lxc.path = "/nonexistent".into();
    let actuator = Actuator::new(ActuatorKind::Lxc, &config).unwrap();
    for labels in [&[("name", "../x")][..], &[("id", "/docker/x")], &[]] {
        let error = actuator.read(&target(labels), Dimension::Cpu).await.unwrap_err();
        assert!(!error.recoverable, "{error}");
    }
    let error = actuator.read(&target(&[("name", "nobody")]), Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("/lxc.payload.nobody"), "{error}");
}
