//! The kernel's own files, of either version.

use loadline::actuate::Actuator;
use loadline::config::{ActuatorKind, Actuators};
use loadline::journal::Outcome;
use loadline::target::Dimension;
use loadline::units::Limit;

use super::{MIB, refused, set, target};
use crate::support::PATIENCE;
use crate::support::cgroup::{self, TestGroup};
use crate::support::host::can_run;

fn cgroup_actuator() -> Actuator {
    Actuator::new(ActuatorKind::Cgroup, &Actuators::default()).unwrap()
}

#[tokio::test]
async fn a_cgroup_takes_its_limits() {
    if !can_run("a_cgroup_takes_its_limits", &[]) {
        return;
    }
    let group = TestGroup::new();
    let (actuator, target) = (cgroup_actuator(), target(&[("id", group.path())]));
    for dimension in Dimension::LIMITS {
        assert_eq!(actuator.read(&target, dimension).await, Ok(Limit::Max));
    }
    for cores in [0.5, 1.25, 0.333_333, 0.01] {
        set(&actuator, &target, Dimension::Cpu, cores).await;
        let kernel = cgroup::cpu_cores(group.path()).unwrap();
        assert!((kernel - cores).abs() <= 1e-5, "{cores} became {kernel}");
    }
    // The kernel counts in pages.
    for bytes in [64 * MIB, 100_000_000, 32 * MIB] {
        set(&actuator, &target, Dimension::Memory, bytes as f64).await;
        let kernel = cgroup::memory_bytes(group.path()).unwrap();
        assert!(kernel <= bytes && bytes - kernel < 65_536, "{bytes} became {kernel}");
    }
}

#[tokio::test]
async fn a_cgroup_keeps_its_period() {
    if !can_run("a_cgroup_keeps_its_period", &[]) {
        return;
    }
    let group = TestGroup::new();
    if cgroup::is_v2() {
        group.write("cpu", "cpu.max", "max 20000");
    } else {
        group.write("cpu", "cpu.cfs_period_us", "20000");
    }
    set(&cgroup_actuator(), &target(&[("id", group.path())]), Dimension::Cpu, 0.5).await;
    if cgroup::is_v2() {
        assert_eq!(cgroup::file("cpu", group.path(), "cpu.max"), "10000 20000");
    } else {
        assert_eq!(cgroup::file("cpu", group.path(), "cpu.cfs_period_us"), "20000");
        assert_eq!(cgroup::file("cpu", group.path(), "cpu.cfs_quota_us"), "10000");
    }
}

#[tokio::test]
async fn memory_in_use_is_not_taken_away() {
    if !can_run("memory_in_use_is_not_taken_away", &[]) {
        return;
    }
    let group = TestGroup::new();
    let (actuator, target) = (cgroup_actuator(), target(&[("id", group.path())]));
    set(&actuator, &target, Dimension::Memory, (128 * MIB) as f64).await;
    // Pages of a file in memory belong to the group whose process wrote them.
    let files = tempfile::tempdir_in("/dev/shm").unwrap();
    let fill = format!("dd if=/dev/zero of={}/x bs=1M count=40", files.path().display());
    let mut holder = group.run(&format!("{fill} && echo filled >&2 && exec sleep 600"));
    holder.wait_line("filled", PATIENCE).await;
    let error = refused(&actuator, &target, Dimension::Memory, (16 * MIB) as f64).await;
    assert!(error.contains("memory.") && error.contains("in use"), "{error}");
    assert_eq!(cgroup::memory_bytes(group.path()), Some(128 * MIB));
    let alive = cgroup::file("memory", group.path(), "cgroup.procs");
    assert_eq!(alive, holder.id().to_string(), "the kernel killed");
}

#[tokio::test]
async fn a_parents_quota_is_named() {
    if !can_run("a_parents_quota_is_named", &[]) {
        return;
    }
    let parent = TestGroup::new();
    let child = parent.child("inner");
    let actuator = cgroup_actuator();
    let (outer, inner) = (target(&[("id", parent.path())]), target(&[("id", child.path())]));
    set(&actuator, &outer, Dimension::Cpu, 0.5).await;
    set(&actuator, &inner, Dimension::Cpu, 0.25).await;
    if cgroup::is_v2() {
        // v2 takes any quota; the parent's binds anyway.
        set(&actuator, &inner, Dimension::Cpu, 1.0).await;
        return;
    }
    let error = refused(&actuator, &inner, Dimension::Cpu, 1.0).await;
    assert!(error.contains(&format!("{} allows 0.5 cores", parent.path())), "{error}");
    let error = refused(&actuator, &outer, Dimension::Cpu, 0.2).await;
    assert!(error.contains("below that of a group inside it"), "{error}");
    assert_eq!(cgroup::cpu_cores(child.path()), Some(0.25));
}

#[tokio::test]
async fn a_vanished_cgroup_may_come_back() {
    if !can_run("a_vanished_cgroup_may_come_back", &[]) {
        return;
    }
    let group = TestGroup::new();
    let target = target(&[("id", group.path())]);
    drop(group);
    for dimension in Dimension::LIMITS {
        let error = cgroup_actuator().read(&target, dimension).await.unwrap_err();
        assert!(error.recoverable, "{error}");
        let outcome = cgroup_actuator().apply(&target, dimension, 1e8).await;
        assert_eq!(outcome, Outcome::Failed { size: None, error: error.to_string() });
    }
}
