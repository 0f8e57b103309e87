//! The test hosts themselves: what other tests rely on.

use crate::support::cgroup;
use crate::support::docker::{self, DockerEngine};
use crate::support::host::can_run;
use crate::support::lxc::{self, LxcContainer};
use crate::support::{PATIENCE, loadline, wait_for};

const BURN: &str = "while :; do :; done";

/// Waits until the kernel has held back the group `path`.
async fn wait_throttled(path: &str) {
    wait_for("the group to be throttled", PATIENCE, async || {
        let stat = cgroup::file("cpu", path, "cpu.stat");
        let throttled = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        if throttled.is_some_and(|n| n != "0") { Ok(()) } else { Err(stat) }
    })
    .await;
}

#[tokio::test]
async fn docker_containers_work_on_command() {
    if !can_run("docker_containers_work_on_command", &docker::PROGRAMS) {
        return;
    }
    let engine = DockerEngine::start().await;
    let program = loadline().get_program().to_owned();
    engine.import_busybox(&[(program.as_ref(), "/bin/loadline")]);
    let container = engine.run("burner", &["--cpus=0.5"], &["sleep", "600"]);
    let record = engine.data_root().join("containers").join(&container.id).join("config.v2.json");
    assert!(record.is_file(), "{}", record.display());
    let version = engine.docker(&["exec", "burner", "loadline", "--version"]);
    assert_eq!(version, format!("loadline {}", env!("CARGO_PKG_VERSION")));
    engine.exec_detached(&container, BURN);
    wait_throttled(&container.cgroup()).await;
}

#[tokio::test]
async fn lxc_containers_work_on_command() {
    if !can_run("lxc_containers_work_on_command", &lxc::PROGRAMS) {
        return;
    }
    let name = format!("loadline-test-{}-burner", std::process::id());
    let limit = if cgroup::is_v2() {
        "lxc.cgroup2.cpu.max = 50000 100000\n"
    } else {
        "lxc.cgroup.cpu.cfs_quota_us = 50000\n"
    };
    let container = LxcContainer::start(&name, limit);
    assert_eq!(container.run("hostname"), container.name());
    container.run(&format!("({BURN}) >/dev/null 2>&1 </dev/null & echo started"));
    wait_throttled(&container.cgroup()).await;
}
