//! Descriptors and scheduling of processes.

use std::fs;

use loadline::metric_set::MetricSet;

use super::{collector, find, scrape};
use crate::support::cgroup::{self, TestGroup};
use crate::support::host::can_run;
use crate::support::{PATIENCE, wait_for};

/// The one series of a family for a group.
fn one(told: &std::collections::BTreeMap<String, f64>, family: &str, id: &str) -> Option<f64> {
    let found = find(told, family, id);
    assert!(found.len() < 2, "{found:?}");
    found.first().map(|(_, value)| *value)
}

#[tokio::test]
async fn open_files_and_sockets_are_counted() {
    if !can_run("descriptors", &["busybox"]) {
        return;
    }
    let group = TestGroup::new();
    let script =
        "ulimit -Sn 77; exec 5</dev/null 6<>/dev/udp/127.0.0.1/9; sleep 600 & exec sleep 600";
    let _process = group.run(&format!("exec bash -c '{script}'"));
    let mut collector = collector(&[MetricSet::Descriptors]);
    let id = format!("id=\"{}\"", group.path());
    // As procfs lists them, once both programs are what they shall be.
    let listed = || -> Option<(usize, usize)> {
        let pids = cgroup::file("cpu", group.path(), "cgroup.procs");
        let (mut open, mut sockets) = (0, 0);
        for pid in pids.lines() {
            for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()? {
                let target = fs::read_link(entry.ok()?.path()).ok()?;
                open += 1;
                sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
            }
        }
        Some((open, sockets))
    };
    wait_for("the same numbers", PATIENCE, async || {
        let before = listed();
        let told = scrape(&mut collector);
        let values = ["container_file_descriptors", "container_sockets", "container_ulimits_soft"]
            .map(|family| one(&told, family, &id));
        let expected =
            before.map(|(open, sockets)| [Some(open as f64), Some(sockets as f64), Some(77.0)]);
        let is_steady = before == listed() && before.is_some_and(|(_, sockets)| sockets == 2);
        if is_steady && expected == Some(values) {
            Ok(())
        } else {
            Err(format!("{values:?} {before:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn time_on_a_core_is_that_of_all_threads_and_stays() {
    if !can_run("scheduling", &["sh"]) {
        return;
    }
    let group = TestGroup::new();
    let mut process = group.run("{ while :; do :; done & while :; do :; done; }");
    let mut collector = collector(&[MetricSet::Sched]);
    let id = format!("id=\"{}\"", group.path());
    let run = "container_cpu_schedstat_run_seconds_total";
    let mut last = 0.0;
    wait_for("half a second on a core", PATIENCE, async || {
        let told = scrape(&mut collector);
        let now = one(&told, run, &id).unwrap_or(0.0);
        assert!(now >= last, "fell from {last} to {now}");
        last = now;
        if now > 0.5 { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    let pids = cgroup::file("cpu", group.path(), "cgroup.procs");
    let listed = || -> f64 {
        let first = |pid| -> f64 {
            let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("readable");
            text.split(' ').next().expect("a number").parse().expect("a number")
        };
        pids.lines().map(first).sum::<f64>() / 1e9
    };
    assert_eq!(pids.lines().count(), 2);
    let before = listed();
    let told = scrape(&mut collector);
    let ran = one(&told, run, &id).expect("told");
    // What the shell ran before it was in the group may have been told of the root only.
    assert!(before - 0.1 <= ran && ran <= listed() + 1e-6, "{before} {ran} {}", listed());
    assert!(one(&told, "container_cpu_schedstat_run_periods_total", &id) > Some(0.0));
    assert!(one(&told, run, "id=\"/\"").expect("the host's") >= ran);
    // All end: what they ran is still told.
    for pid in cgroup::file("cpu", group.path(), "cgroup.procs").lines() {
        let pid = rustix::process::Pid::from_raw(pid.parse().expect("a number")).expect("not 0");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    }
    process.wait_exit(PATIENCE).await;
    wait_for("the group to be empty", PATIENCE, async || {
        let pids = cgroup::file("cpu", group.path(), "cgroup.procs");
        if pids.is_empty() { Ok(()) } else { Err(pids) }
    })
    .await;
    assert!(one(&scrape(&mut collector), run, &id).expect("still told") >= ran);
}
