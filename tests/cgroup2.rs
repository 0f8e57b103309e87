//! A host with cgroup v2 and PSI: the actuator and the exporter on a kernel of our own, in a machine
//! that `tests/hosts/cgroup2.sh` emulates. The tests that run inside are this very binary's.

use std::process::Command;
use std::time::Duration;

use crate::support::host::can_run;
use crate::support::{Process, loadline};

/// What runs inside: the tests that are made for any host, and those below.
const INSIDE: &str = "actuate::cgroup:: exporter::real_host:: cgroup2::inside::";

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
    script.arg("run").arg(loadline().get_program()).arg(&tests);
    // The tests' HTTP client will not start without any.
    script.args(["/etc/ssl/certs/ca-certificates.crt", "--"]);
    script.arg(format!("LOADLINE_TEST_REQUIRE_ALL=1 RUST_BACKTRACE=0 {run}"));
    let mut machine = Process::spawn("cgroup2.sh", script);
    let status = machine.wait_exit(DEADLINE).await;
    let output = machine.stdout();
    assert!(status.success(), "{status}\n{output}\n{}", machine.stderr());
    // A filter that finds nothing succeeds too.
    for test in
        ["actuate::cgroup::memory_in_use_is_not_taken_away", "cgroup2::inside::the_exporter"]
    {
        assert!(output.lines().any(|l| l.contains(test) && l.ends_with("ok")), "{test}\n{output}");
    }
}

mod inside {
    use std::collections::BTreeMap;

    use crate::support::cgroup::{self, TestGroup};
    use crate::support::{PATIENCE, Process, http_get, loadline, wait_for};

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

    /// Four burners share a fifth of a core and allocate against a limit; the kernel throttles them, and
    /// the exporter tells what the kernel's files tell.
    #[tokio::test]
    #[ignore = "runs inside the machine of tests/hosts/cgroup2.sh"]
    async fn the_exporter_tells_throttling_and_pressure() {
        assert!(cgroup::is_v2(), "not a cgroup v2 host");
        let mut command = loadline();
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
        let mut exporter = Process::spawn("exporter", command);
        let url = format!("http://{}/metrics", exporter.wait_address(PATIENCE).await);

        let group = TestGroup::new();
        group.write("cpu", "cpu.max", "20000 100000");
        group.write("memory", "memory.max", "67108864");
        group.write("memory", "memory.high", "8388608");
        let burn = "while :; do :; done";
        let _burners: Vec<Process> = (0..4).map(|_| group.run(burn)).collect();
        let _hog =
            group.run("while :; do head -c 20000000 /dev/zero | tail -c 20000000 >/dev/null; done");

        let moved = [
            "container_cpu_usage_seconds_total{cpu=\"total\"}",
            "container_cpu_cfs_periods_total",
            "container_cpu_cfs_throttled_periods_total",
            "container_cpu_cfs_throttled_seconds_total",
            "container_pressure_cpu_waiting_seconds_total",
            "container_pressure_memory_waiting_seconds_total",
            "container_memory_working_set_bytes",
        ];
        let seen = wait_for("the exporter to see the load", PATIENCE * 3, async || {
            let reply = http_get(&url).await?;
            let seen = samples(reply.text(), group.path());
            let still: Vec<&str> = moved
                .into_iter()
                .filter(|name| seen.get(*name).is_none_or(|v| *v <= 0.0))
                .collect();
            if still.is_empty() { Ok(seen) } else { Err(format!("{still:?} in {seen:#?}")) }
        })
        .await;
        assert_eq!(seen["container_spec_cpu_quota"], 20000.0);
        assert_eq!(seen["container_spec_cpu_period"], 100000.0);
        assert_eq!(seen["container_spec_memory_limit_bytes"], 67108864.0);
        // Counters of the kernel only grow: what was exported is at most what stands there now.
        let stat = cgroup::file("cpu", group.path(), "cpu.stat");
        let throttled = stat.lines().find_map(|l| l.strip_prefix("nr_throttled ")).unwrap();
        let exported = seen["container_cpu_cfs_throttled_periods_total"];
        assert!(exported <= throttled.parse().unwrap(), "{exported} of {throttled}");
    }
}
