//! A real engine, and some that do not answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use loadline::actuate::Actuator;
use loadline::config::{ActuatorKind, Actuators};
use loadline::journal::Outcome;
use loadline::target::{Dimension, Target};
use loadline::units::Limit;

use super::{MIB, refused, set, target};
use crate::support::cgroup;
use crate::support::docker::{self, Container, DockerEngine};
use crate::support::host::can_run;
use crate::support::{PATIENCE, wait_for};

/// Waits until the group `path` uses more memory than `bytes`.
async fn wait_used(path: &str, bytes: u64) {
    wait_for("the memory to be used", PATIENCE, async || {
        let used = cgroup::memory_used_bytes(path);
        if used > bytes { Ok(()) } else { Err(format!("{used} bytes")) }
    })
    .await;
}

fn docker_actuator(socket: &Path, timeout: Duration) -> Actuator {
    let mut config = Actuators::default();
    config.docker.socket = socket.to_path_buf();
    config.docker.timeout = timeout;
    Actuator::new(ActuatorKind::Docker, &config).unwrap()
}

/// A target as the exporter's labels make it.
fn container_target(container: &Container) -> Target {
    target(&[("id", &container.cgroup()), ("name", &container.name)])
}

/// One number of `docker inspect`'s HostConfig.
fn recorded(engine: &DockerEngine, container: &Container, field: &str) -> i64 {
    let format = format!("--format={{{{.HostConfig.{field}}}}}");
    engine.docker(&["inspect", &format, &container.id]).parse().unwrap()
}

#[tokio::test]
async fn docker_containers_take_their_limits() {
    if !can_run("docker_containers_take_their_limits", &docker::PROGRAMS) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let actuator = docker_actuator(&engine.socket(), PATIENCE);
    let sleep = ["sleep", "600"];

    // Made with --cpus: the engine then takes no quota.
    let limits = ["--cpus=0.5", "--memory=64m", "--memory-swap=96m"];
    let shop = engine.run("shop", &limits, &sleep);
    let target_shop = container_target(&shop);
    for cores in [1.5, 0.25] {
        set(&actuator, &target_shop, Dimension::Cpu, cores).await;
        assert_eq!(shop.cpu_cores(), Some(cores));
        assert_eq!(recorded(&engine, &shop, "NanoCpus"), (cores * 1e9) as i64);
    }
    for bytes in [128 * MIB, 32 * MIB] {
        set(&actuator, &target_shop, Dimension::Memory, bytes as f64).await;
        assert_eq!(shop.memory_bytes(), Some(bytes));
        assert_eq!(recorded(&engine, &shop, "Memory") as u64, bytes);
        // The 32 MiB of room for swap stay.
        assert_eq!(recorded(&engine, &shop, "MemorySwap") as u64, bytes + 32 * MIB);
    }

    // Made with a quota and a period of its own, and unlimited swap.
    let quota = ["--cpu-quota=10000", "--cpu-period=20000", "--memory=64m", "--memory-swap=-1"];
    let till = engine.run("till", &quota, &sleep);
    // By name alone, as without the label id.
    let target_till = target(&[("name", "till")]);
    set(&actuator, &target_till, Dimension::Cpu, 1.5).await;
    assert_eq!(till.cpu_cores(), Some(1.5));
    assert_eq!(recorded(&engine, &till, "CpuQuota"), 30_000);
    set(&actuator, &target_till, Dimension::Memory, (80 * MIB) as f64).await;
    assert_eq!(till.memory_bytes(), Some(80 * MIB));
    assert_eq!(recorded(&engine, &till, "MemorySwap"), -1);

    // Made without any limit.
    let depot = engine.run("depot", &[], &sleep);
    let target_depot = container_target(&depot);
    assert_eq!(actuator.read(&target_depot, Dimension::Cpu).await, Ok(Limit::Max));
    assert_eq!(actuator.read(&target_depot, Dimension::Memory).await, Ok(Limit::Max));
    set(&actuator, &target_depot, Dimension::Cpu, 0.75).await;
    assert_eq!(depot.cpu_cores(), Some(0.75));
    set(&actuator, &target_depot, Dimension::Memory, (48 * MIB) as f64).await;
    assert_eq!(depot.memory_bytes(), Some(48 * MIB));
}

#[tokio::test]
async fn docker_failures_leave_the_old_size() {
    if !can_run("docker_failures_leave_the_old_size", &docker::PROGRAMS) {
        return;
    }
    let mut engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let actuator = docker_actuator(&engine.socket(), PATIENCE);
    let fill = "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 && sleep 600";
    let options = ["--cpus=0.5", "--memory=64m", "--memory-swap=64m", "--memory-swappiness=0"];
    let full =
        engine.run("full", &options[..if cgroup::is_v2() { 3 } else { 4 }], &["sh", "-c", fill]);
    let full_target = container_target(&full);

    let error = refused(&actuator, &full_target, Dimension::Memory, (4 * MIB) as f64).await;
    assert!(error.contains("Docker takes no memory below 6291456"), "{error}");
    wait_used(&full.cgroup(), 40 * MIB).await;
    let error = refused(&actuator, &full_target, Dimension::Memory, (16 * MIB) as f64).await;
    assert!(error.contains("memory"), "{error}");
    assert_eq!(full.memory_bytes(), Some(64 * MIB));
    assert_eq!(recorded(&engine, &full, "Memory") as u64, 64 * MIB);
    let error = refused(&actuator, &full_target, Dimension::Cpu, 10_000.0).await;
    assert!(error.contains("CPUs"), "{error}");
    assert_eq!(full.cpu_cores(), Some(0.5));

    // Another container under the same name: the old labels do not reach it.
    engine.remove(&full);
    let error = actuator.read(&full_target, Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("answer 404"), "{error}");
    let new = engine.run("full", &["--cpus=0.5"], &["sleep", "600"]);
    let outcome = actuator.apply(&full_target, Dimension::Cpu, 1.0).await;
    assert!(matches!(outcome, Outcome::Failed { size: None, .. }), "{outcome:?}");
    assert_eq!(new.cpu_cores(), Some(0.5));
    // The same container under another name.
    engine.docker(&["rename", "full", "empty"]);
    let error = actuator.read(&container_target(&new), Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("named full"), "{error}");
    engine.docker(&["stop", "--time=0", "empty"]);
    let stopped = target(&[("name", "empty")]);
    let error = actuator.read(&stopped, Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("not running"), "{error}");

    engine.stop().await;
    let error = actuator.read(&stopped, Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("whether the engine runs"), "{error}");
}

/// The engine obeys, but the kernel's file does not show it: a folder with files that stand still is
/// taken for the kernel's. What the engine did must be undone.
#[tokio::test]
async fn docker_changes_that_do_not_reach_the_kernel_are_undone() {
    if !can_run("docker_changes_that_do_not_reach_the_kernel_are_undone", &docker::PROGRAMS) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let limits = ["--cpus=0.5", "--memory=64m", "--memory-swap=96m"];
    for (options, quota, bytes) in
        [(&limits[..], "50000", "67108864"), (&[], "-1", "9223372036854771712")]
    {
        let container = engine.run("stuck", options, &["sleep", "600"]);
        let truth = (container.cpu_cores(), container.memory_bytes());
        let sysfs = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("cpu/cpu.cfs_quota_us", quota),
            ("cpu/cpu.cfs_period_us", "100000"),
            ("memory/memory.limit_in_bytes", bytes),
        ] {
            let (controller, name) = file.split_once('/').unwrap();
            let group =
                sysfs.path().join("fs/cgroup").join(controller).join(&container.cgroup()[1..]);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join(name), text).unwrap();
        }
        let mut config = Actuators::default();
        config.docker.socket = engine.socket();
        config.cgroup.sysfs = sysfs.path().to_path_buf();
        let actuator = Actuator::new(ActuatorKind::Docker, &config).unwrap();
        for (dimension, to) in [(Dimension::Cpu, 1.0), (Dimension::Memory, (80 * MIB) as f64)] {
            let outcome = actuator.apply(&container_target(&container), dimension, to).await;
            let Outcome::RolledBack { error, .. } = outcome else { panic!("{outcome:?}") };
            assert!(error.contains("read back"), "{error}");
        }
        assert_eq!((container.cpu_cores(), container.memory_bytes()), truth);
        engine.remove(&container);
    }
}

#[tokio::test]
async fn a_silent_engine_is_not_awaited_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let actuator = docker_actuator(&socket, Duration::from_millis(100));
    let error = actuator.read(&target(&[("name", "shop")]), Dimension::Cpu).await.unwrap_err();
    assert!(error.recoverable && error.to_string().contains("no answer within 100ms"), "{error}");
}

#[tokio::test]
async fn names_that_are_none_do_not_reach_the_engine() {
    let actuator = docker_actuator(Path::new("/nonexistent"), PATIENCE);
    for labels in [&[("name", "a/../b")][..], &[("name", "")], &[("id", "/docker/abc")], &[]] {
        let error = actuator.read(&target(labels), Dimension::Cpu).await.unwrap_err();
        assert!(!error.recoverable, "{error}");
    }
}
