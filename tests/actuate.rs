//! The actuators against the real things: the kernel, a Docker engine, LXC containers.
//! What was written is read from the kernel's files, by the tests' own code.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use loadline::actuate::Actuator;
use loadline::config::{ActuatorKind, Actuators};
use loadline::journal::Outcome;
use loadline::target::{Dimension, Target};
use loadline::units::Limit;

use crate::support::cgroup::{self, TestGroup};
use crate::support::docker::{self, Container, DockerEngine};
use crate::support::host::can_run;
use crate::support::lxc::{self, LxcContainer};
use crate::support::{PATIENCE, wait_for};

const MIB: u64 = 1 << 20;

fn target(labels: &[(&str, &str)]) -> Target {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Target { id: "test/target".into(), rule: "test".into(), labels }
}

fn cgroup_actuator() -> Actuator {
    Actuator::new(ActuatorKind::Cgroup, &Actuators::default()).unwrap()
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

/// Waits until the group `path` uses more memory than `bytes`.
async fn wait_used(path: &str, bytes: u64) {
    wait_for("the memory to be used", PATIENCE, async || {
        let used = cgroup::memory_used_bytes(path);
        if used > bytes { Ok(()) } else { Err(format!("{used} bytes")) }
    })
    .await;
}

#[tokio::test]
async fn a_cgroup_takes_its_limits() {
    if !can_run("a_cgroup_takes_its_limits", &[]) {
        return;
    }
    let group = TestGroup::new();
    let (actuator, target) = (cgroup_actuator(), target(&[("id", group.path())]));
    for dimension in Dimension::ALL {
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
    let mut holder =
        group.run("x=$(head -c 40000000 /dev/zero | tr '\\0' x); echo up >&2; sleep 600");
    holder.wait_line("up", PATIENCE).await;
    let error = refused(&actuator, &target, Dimension::Memory, (16 * MIB) as f64).await;
    assert!(error.contains("memory.") && error.contains("in use"), "{error}");
    assert_eq!(cgroup::memory_bytes(group.path()), Some(128 * MIB));
    assert_eq!(holder.stderr(), "up\n", "the process was killed");
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
    for dimension in Dimension::ALL {
        let error = cgroup_actuator().read(&target, dimension).await.unwrap_err();
        assert!(error.recoverable, "{error}");
        let outcome = cgroup_actuator().apply(&target, dimension, 1e8).await;
        assert_eq!(outcome, Outcome::Failed { size: None, error: error.to_string() });
    }
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
