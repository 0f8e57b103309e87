//! A host with cgroup v2 and PSI: the actuator and the exporter on a kernel of our own, in a machine
//! that `tests/hosts/cgroup2.sh` emulates. The tests that run inside are this very binary's.

mod following;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use crate::support::host::can_run;
use crate::support::{Process, loadline};

/// What runs inside: the tests that are made for any host, and those below.
const INSIDE: &str = "actuate::cgroup:: exporter::real_host::a_cgroup_made_again \
     exporter::real_host::births_and_deaths cgroup2::inside:: cgroup2::following::";

/// Set-up from Debian's packages takes a minute at the first time; a run takes some ten seconds on an
/// idle machine.
const DEADLINE: Duration = Duration::from_secs(540);

#[tokio::test]
#[cfg(target_arch = "x86_64")]
async fn a_version_2_host() {
    if !can_run("a_version_2_host", &["apt-get", "dpkg-deb", "xz", "busybox", "setpriv", "ldd"]) {
        return;
    }
    let tests = std::env::current_exe().unwrap();
    let run = format!("{} --include-ignored --test-threads=1 {INSIDE}", tests.display());
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosts/cgroup2.sh"));
    script.arg("run").arg(loadline().get_program()).arg(&tests).arg("--");
    script.arg(format!("LOADLINE_TEST_REQUIRE_ALL=1 RUST_BACKTRACE=0 {run}"));
    let mut machine = Process::spawn("cgroup2.sh", script);
    let status = machine.wait_exit(DEADLINE).await;
    let output = machine.stdout();
    assert!(status.success(), "{status}\n{output}\n{}", machine.stderr());
    // A filter that finds nothing succeeds too.
    for test in [
        "actuate::cgroup::memory_in_use_is_not_taken_away",
        "cgroup2::inside::the_exporter",
        "cgroup2::following::what_happened_between",
    ] {
        assert!(output.lines().any(|l| l.contains(test) && l.ends_with("ok")), "{test}\n{output}");
    }
}

/// The samples of one group: metric name, with the labels but `id`, to value.
fn samples(exposition: &str, id: &str) -> BTreeMap<String, f64> {
    let label = format!("id=\"{id}\"");
    let of_group = exposition.lines().filter(|l| !l.starts_with('#') && l.contains(&label));
    of_group
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let series = series.replace(&format!("{label},"), "").replace(&label, "");
            (series.replace("{}", ""), value.parse().unwrap())
        })
        .collect()
}

mod inside {
    use super::samples;
    use crate::support::cgroup::{self, TestGroup};
    use crate::support::{PATIENCE, Process, http_get, loadline, wait_for};

    /// One process writes more than `memory.high`, two burn more than their quota: the exporter tells of
    /// it what the kernel's files tell.
    #[tokio::test]
    #[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
    async fn the_exporter_tells_throttling_and_pressure() {
        assert!(cgroup::is_v2(), "not a cgroup v2 host");
        let mut command = loadline();
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
        let mut exporter = Process::spawn("exporter", command);
        let url = format!("http://{}/metrics", exporter.wait_address(PATIENCE).await);

        let group = TestGroup::new();
        group.write("memory", "memory.max", "67108864");
        group.write("memory", "memory.high", "8388608");
        let files = tempfile::tempdir_in("/dev/shm").unwrap();
        let _hog = group.run(&format!("dd if=/dev/zero of={}/x bs=1M", files.path().display()));
        wait_moved(&group, "memory", "memory.pressure", "some ").await;
        group.write("cpu", "cpu.max", "20000 100000");
        let _burners = [group.run("while :; do :; done"), group.run("while :; do :; done")];
        wait_moved(&group, "cpu", "cpu.stat", "nr_throttled ").await;
        wait_moved(&group, "cpu", "cpu.pressure", "some ").await;

        let reply = http_get(&url).await.unwrap();
        let seen = samples(reply.text(), group.path());
        for (name, value) in [
            ("container_spec_cpu_quota", 20_000.0),
            ("container_spec_cpu_period", 100_000.0),
            ("container_spec_memory_limit_bytes", 67_108_864.0),
        ] {
            assert_eq!(seen.get(name), Some(&value), "{name} in {seen:#?}");
        }
        for name in [
            "container_cpu_usage_seconds_total{cpu=\"total\"}",
            "container_cpu_cfs_periods_total",
            "container_cpu_cfs_throttled_periods_total",
            "container_cpu_cfs_throttled_seconds_total",
            "container_pressure_cpu_waiting_seconds_total",
            "container_pressure_memory_waiting_seconds_total",
            "container_memory_working_set_bytes",
        ] {
            assert!(seen.get(name).is_some_and(|value| *value > 0.0), "{name} in {seen:#?}");
        }
        // The kernel's counters only grow: what was exported is at most what stands there now.
        let now = number(&cgroup::file("cpu", group.path(), "cpu.stat"), "nr_throttled ");
        assert!(seen["container_cpu_cfs_throttled_periods_total"] <= now.unwrap());
    }

    /// The number at the end of the line of `text` that starts with `line`.
    fn number(text: &str, line: &str) -> Option<f64> {
        let rest = text.lines().find_map(|l| l.strip_prefix(line))?;
        rest.rsplit([' ', '=']).next()?.parse().ok()
    }

    /// Waits until a number of a file of the group is above zero.
    async fn wait_moved(group: &TestGroup, controller: &str, file: &str, line: &str) {
        wait_for(&format!("{file} to move"), PATIENCE, async || {
            let text = cgroup::file(controller, group.path(), file);
            if number(&text, line).is_some_and(|n| n > 0.0) { Ok(()) } else { Err(text) }
        })
        .await;
    }
}
