//! What one exporter, running all the while, tells of a host that changes between its scrapes. These tests
//! run inside the machine of `tests/hosts/cgroup2.sh`.

use std::collections::BTreeMap;
use std::fs;

use super::samples;
use crate::support::cgroup::{self, TestGroup};
use crate::support::{PATIENCE, Process, http_get, loadline, wait_for};

type Samples = BTreeMap<String, f64>;

/// A running `loadline exporter`.
struct Exporter {
    url: String,
    _process: Process,
}

impl Exporter {
    async fn start() -> Self {
        assert!(cgroup::is_v2(), "not a cgroup v2 host");
        let mut command = loadline();
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
        let mut process = Process::spawn("exporter", command);
        let url = format!("http://{}/metrics", process.wait_address(PATIENCE).await);
        Self { url, _process: process }
    }

    async fn scrape(&self) -> String {
        let reply = http_get(&self.url).await.expect("an answer");
        reply.text().to_owned()
    }

    /// The samples of one group.
    async fn of(&self, group: &TestGroup) -> Samples {
        samples(&self.scrape().await, group.path())
    }
}

/// The groups at and below `path`, by what follows it.
fn below(exposition: &str, path: &str) -> Vec<String> {
    let start = format!("container_last_seen{{id=\"{path}");
    let of_it = exposition.lines().filter_map(|line| line.strip_prefix(&start));
    of_it.map(|rest| rest.rsplit_once('"').unwrap().0.to_owned()).collect()
}

/// Scrapes until the exporter and one that has just started tell the same of a group where nothing runs:
/// what is remembered from scrape to scrape still holds.
async fn agreed(exporter: &Exporter, group: &TestGroup) -> Samples {
    wait_for("both exporters to agree", PATIENCE, async || {
        let fresh = Exporter::start().await;
        let [mut followed, mut fresh] = [exporter.of(group).await, fresh.of(group).await];
        for samples in [&mut followed, &mut fresh] {
            samples.remove("container_last_seen");
            // The time of a directory moves where nobody keeps it in mind.
            assert!(samples.remove("container_start_time_seconds").is_some());
        }
        if followed == fresh { Ok(followed) } else { Err(format!("{followed:#?}\n{fresh:#?}")) }
    })
    .await
}

/// Runs a script in the group to its end.
async fn run(group: &TestGroup, script: &str) {
    group.run(script).wait_exit(PATIENCE).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn settings_are_followed() {
    let exporter = Exporter::start().await;
    let group = TestGroup::new();
    let before = exporter.of(&group).await;
    for name in ["container_spec_memory_limit_bytes", "container_threads_max"] {
        assert!(before.get(name).is_none_or(|limit| *limit == 0.0 || limit.is_infinite()));
    }
    for round in 1..=3_u64 {
        let shares = (2 + (round * 50 - 1) * 262_142 / 9999) as f64;
        let settings = [
            ("memory.max", (round << 26).to_string(), "memory_limit_bytes", (round << 26) as f64),
            ("cpu.max", format!("{}0000 100000", round), "cpu_quota", (round * 10_000) as f64),
            ("cpu.max", format!("10000 {}00000", round), "cpu_period", (round * 100_000) as f64),
            ("cpu.weight", (round * 50).to_string(), "cpu_shares", shares),
            ("memory.min", (round << 20).to_string(), "memory_reservation_limit_bytes", {
                (round << 20) as f64
            }),
        ];
        for (file, value, name, expected) in settings {
            group.write("", file, &value);
            let seen = exporter.of(&group).await;
            let name = format!("container_spec_{name}");
            assert_eq!(seen.get(&name), Some(&expected), "{file} set to {value}: {seen:#?}");
        }
        group.write("", "pids.max", &(round * 100).to_string());
        let seen = exporter.of(&group).await;
        assert_eq!(seen["container_threads_max"], (round * 100) as f64);
    }
    agreed(&exporter, &group).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn births_and_deaths_are_followed() {
    let exporter = Exporter::start().await;
    let group = TestGroup::new();
    let at = |name: &str| cgroup::folder("", group.path()).join(name);
    let check = async |expected: &[&str]| {
        let [followed, fresh] = [exporter.scrape().await, Exporter::start().await.scrape().await];
        assert_eq!(below(&followed, group.path()), expected);
        assert_eq!(below(&fresh, group.path()), expected);
    };
    check(&[""]).await;
    for name in ["a", "a/b", "odd\\x2d\"ñ\" name"] {
        fs::create_dir(at(name)).unwrap();
    }
    let odd = "/odd\\\\x2d\\\"ñ\\\" name";
    check(&["", "/a", "/a/b", odd]).await;
    fs::remove_dir(at("a/b")).unwrap();
    fs::create_dir(at("a/c")).unwrap();
    check(&["", "/a", "/a/c", odd]).await;
    // Come and gone between two scrapes.
    fs::create_dir(at("short")).unwrap();
    fs::remove_dir(at("short")).unwrap();
    fs::remove_dir(at("a/c")).unwrap();
    fs::remove_dir(at("a")).unwrap();
    fs::remove_dir(at("odd\\x2d\"ñ\" name")).unwrap();
    check(&[""]).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn a_group_made_again_counts_anew() {
    let exporter = Exporter::start().await;
    let parent = TestGroup::new();
    let usage = "container_cpu_usage_seconds_total{cpu=\"total\"}";
    let first = parent.child("again");
    run(&first, "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done").await;
    let before = exporter.of(&first).await;
    assert!(before[usage] > 0.0, "{before:#?}");
    drop(first);
    let second = parent.child("again");
    let after = exporter.of(&second).await;
    assert_eq!(after[usage], 0.0);
    assert!(after["container_start_time_seconds"] >= before["container_start_time_seconds"]);
    // Both were there between two scrapes: still the new one's.
    run(&second, "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done").await;
    drop(second);
    let third = parent.child("again");
    assert_eq!(exporter.of(&third).await[usage], 0.0);
    agreed(&exporter, &third).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn controllers_switched_on_and_off_are_followed() {
    let exporter = Exporter::start().await;
    let parent = TestGroup::new();
    let child = parent.child("switched");
    let limit = "container_spec_memory_limit_bytes";
    child.write("", "memory.max", "67108864");
    assert_eq!(exporter.of(&child).await[limit], 67_108_864.0);
    for _ in 0..2 {
        parent.write("", "cgroup.subtree_control", "-memory");
        let without = exporter.of(&child).await;
        assert!(without.keys().all(|name| !name.contains("memory_limit")), "{without:#?}");
        assert!(!without.contains_key("container_memory_usage_bytes"), "{without:#?}");
        assert!(without.contains_key("container_cpu_usage_seconds_total{cpu=\"total\"}"));
        parent.write("", "cgroup.subtree_control", "+memory");
        child.write("", "memory.max", "33554432");
        let with = exporter.of(&child).await;
        assert_eq!(with.get(limit), Some(&33_554_432.0), "{with:#?}");
        assert!(with.contains_key("container_memory_usage_bytes"), "{with:#?}");
    }
    // Off and on again between two scrapes.
    parent.write("", "cgroup.subtree_control", "-memory");
    parent.write("", "cgroup.subtree_control", "+memory");
    let with = exporter.of(&child).await;
    assert!(with.contains_key("container_memory_usage_bytes"), "{with:#?}");
    assert_ne!(with.get(limit), Some(&33_554_432.0), "{with:#?}");
    agreed(&exporter, &child).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn moved_processes_are_followed() {
    let exporter = Exporter::start().await;
    let [here, there] = [TestGroup::new(), TestGroup::new()];
    let _sleepers = [here.run("exec sleep 1000"), here.run("exec sleep 1000")];
    let count = async |group: &TestGroup| {
        let seen = exporter.of(group).await;
        [seen["container_processes"], seen["container_threads"]]
    };
    wait_for("both sleepers", PATIENCE, async || {
        let seen = count(&here).await;
        if seen == [2.0, 2.0] { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    let pids = cgroup::file("", here.path(), "cgroup.procs");
    for (to, counts) in [(&there, [0.0, 2.0]), (&here, [2.0, 0.0])] {
        for pid in pids.lines() {
            to.write("", "cgroup.procs", pid);
        }
        assert_eq!([count(&here).await, count(&there).await], counts.map(|n| [n, n]));
    }
    agreed(&exporter, &here).await;
    agreed(&exporter, &there).await;
}

#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn what_happened_between_two_scrapes_is_counted() {
    let exporter = Exporter::start().await;
    let group = TestGroup::new();
    group.write("", "memory.max", "67108864");
    let take = |mebibytes: u32| format!("dd if=/dev/zero of=/dev/null bs={mebibytes}M count=1");
    let calm = exporter.of(&group).await;
    assert_eq!([calm["container_oom_events_total"], calm["container_memory_failcnt"]], [0.0, 0.0]);

    run(&group, &take(24)).await;
    let peaked = exporter.of(&group).await;
    let peak = peaked["container_memory_max_usage_bytes"];
    assert!(peak > (24 << 20) as f64 && peak < (64 << 20) as f64, "{peaked:#?}");
    assert!(peaked["container_memory_usage_bytes"] < (24 << 20) as f64, "{peaked:#?}");
    assert_eq!(peaked["container_oom_events_total"], 0.0);

    for kills in [1.0, 2.0] {
        run(&group, &take(128)).await;
        let killed = exporter.of(&group).await;
        assert_eq!(killed["container_oom_events_total"], kills, "{killed:#?}");
        assert!(killed["container_memory_failcnt"] > 0.0, "{killed:#?}");
    }
    agreed(&exporter, &group).await;
}

/// All six of what the kernel tells of pressure, and no other figures than the kernel's.
#[tokio::test]
#[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
async fn pressure_is_told_whole() {
    let exporter = Exporter::start().await;
    let group = TestGroup::new();
    group.write("", "cpu.max", "20000 100000");
    let burn = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done";
    run(&group, &format!("({burn}) & {burn}; wait")).await;
    let seen = agreed(&exporter, &group).await;
    assert!(seen["container_pressure_cpu_waiting_seconds_total"] > 0.0, "{seen:#?}");
    for resource in ["cpu", "memory", "io"] {
        let text = cgroup::file("", group.path(), &format!("{resource}.pressure"));
        for (kind, word) in [("some", "waiting"), ("full", "stalled")] {
            let line = text.lines().find(|line| line.starts_with(kind)).expect("Linux 5.13");
            let total: f64 = line.rsplit_once('=').unwrap().1.parse().unwrap();
            let name = format!("container_pressure_{resource}_{word}_seconds_total");
            assert_eq!(seen.get(&name), Some(&(total / 1e6)), "{name}: {text}");
        }
    }
}
