//! What is rare on a host, and must not cost more than itself.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::served::{FORMS, Served, labels};
use crate::exporter::fixture::{Host, Layout};
use crate::support::host::can_run;
use crate::support::promtool_is_silent;

/// The value of the one sample that starts with `series`.
fn value(exposition: &str, series: &str) -> Option<f64> {
    let found = exposition.lines().find(|line| line.starts_with(series));
    found?.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn a_name_given_again_starts_anew() {
    for layout in [Layout::V1, Layout::Hybrid, Layout::V2] {
        let host = Host::new(layout);
        let exporter = Served::start(&host).await;
        let path = "/given/again";
        let look = async |birth: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + birth);
            let folder = if layout == Layout::V2 { "" } else { "cpu,cpuacct" };
            for dir in [folder, "memory", "blkio", "pids", "unified"] {
                let dir = host.path(&format!("sys/fs/cgroup/{dir}{path}"));
                if let Ok(dir) = File::open(dir) {
                    dir.set_times(FileTimes::new().set_modified(at)).expect("set");
                }
            }
            let text = exporter.scrape(birth as usize).await;
            let of = |name: &str| value(&text, &format!("{name}{{id=\"{path}\""));
            let usage = of("container_cpu_usage_seconds_total");
            let start = of("container_start_time_seconds");
            let max = of("container_memory_max_usage_bytes");
            [usage, max, start].map(|value| value.expect(&text))
        };
        host.group(path, 50);
        let first = look(1).await;
        assert_eq!(look(1).await, first);
        host.remove_group(path);
        host.group(path, 3);
        let second = look(2).await;
        assert_eq!(second[2], first[2] + 1.0);
        // The figures of the files, and nothing of those before.
        assert!(second[0] < first[0] / 10.0, "{first:?} {second:?}");
        assert_eq!(second[1], first[1] * 3.0 / 50.0);
    }
}

#[tokio::test]
async fn an_unreadable_file_costs_only_its_figures() {
    if !can_run("an_unreadable_file_costs_only_its_figures", &["setpriv"]) {
        return;
    }
    let host = Host::new(Layout::V2);
    host.group("/closed.service", 5);
    host.group("/open.service", 8);
    let program = host.path("loadline");
    fs::copy(env!("CARGO_BIN_EXE_loadline"), &program).expect("a copy");
    let allow =
        |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    allow(&host.path(""), 0o755);
    allow(&program, 0o755);
    for file in ["memory.stat", "cpu.max"] {
        allow(&host.path(&format!("sys/fs/cgroup/closed.service/{file}")), 0o000);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    Served::arguments(&mut command, &host);
    let exporter = Served::run(command).await;
    for form in 0..FORMS.len() {
        let text = exporter.scrape(form).await;
        let of = |name: &str, id: &str| value(&text, &format!("{name}{{id=\"/{id}.service\""));
        for absent in ["container_memory_rss", "container_spec_cpu_quota"] {
            assert_eq!(of(absent, "closed"), None);
            assert!(of(absent, "open").is_some(), "{absent} {text}");
        }
        assert_eq!(of("container_memory_usage_bytes", "closed"), Some(5_000_000.0));
        assert!(of("container_cpu_usage_seconds_total", "closed").is_some());
    }
    let told = exporter.log();
    assert!(told.contains("memory.stat") && told.contains("permission denied"), "{told}");
}

#[tokio::test]
async fn odd_names_are_told_and_stay_apart() {
    let host = Host::new(Layout::V2);
    let top = host.path("sys/fs/cgroup/odd");
    let names: [&[u8]; 10] = [
        b"dev-disk\\x2da.swap",
        "größe-网络-🦀".as_bytes(),
        b"a \"quoted\" one",
        b"back\\slash\\",
        b"two\nlines",
        b"{},=#\t\r",
        // Not UTF-8: shown by the same sign, so only one of them can be.
        b"bad-\xff",
        b"bad-\xfe",
        "bad-\u{fffd}".as_bytes(),
        b"\xc3",
    ];
    for name in names {
        let dir = top.join(OsStr::from_bytes(name));
        fs::create_dir_all(dir.join("below")).expect("mkdir");
        fs::write(dir.join("memory.current"), "77\n").expect("write");
    }
    let exporter = Served::start(&host).await;
    let expected = [
        "/odd/a \\\"quoted\\\" one",
        "/odd/back\\\\slash\\\\",
        "/odd/bad-\u{fffd}",
        "/odd/dev-disk\\\\x2da.swap",
        "/odd/größe-网络-🦀",
        "/odd/two\\nlines",
        "/odd/{},=#\t\r",
        "/odd/\u{fffd}",
    ];
    for form in 0..FORMS.len() {
        let text = exporter.scrape(form).await;
        let ids = labels(&text, "container_memory_usage_bytes", "id");
        let mut odd: Vec<&str> = ids.into_iter().filter(|id| id.starts_with("/odd/")).collect();
        odd.sort_unstable();
        assert_eq!(odd, expected);
        if !text.ends_with("# EOF\n") {
            promtool_is_silent(&text);
        }
    }
}

#[tokio::test]
async fn five_thousand_cgroups_come_in_one_scrape() {
    let host = Host::new(Layout::V2);
    let path = |n: usize| format!("sys/fs/cgroup/many/g-{n}");
    let make = |n: usize| {
        host.write(&format!("{}/memory.current", path(n)), "77\n");
        host.write(&format!("{}/cpu.stat", path(n)), "usage_usec 5\n");
    };
    (0..5_000).for_each(make);
    let exporter = Served::start(&host).await;
    let shown = async |form: usize| {
        let text = exporter.scrape(form).await;
        let ids = labels(&text, "container_memory_usage_bytes", "id");
        let mut numbers: Vec<usize> =
            ids.into_iter().filter_map(|id| id.strip_prefix("/many/g-")?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(shown(0).await, (0..5_000).collect::<Vec<_>>());
    for n in 0..1_000 {
        fs::remove_dir_all(host.path(&path(n))).expect("remove");
        make(5_000 + n);
    }
    for form in 0..FORMS.len() {
        assert_eq!(shown(form).await, (1_000..6_000).collect::<Vec<_>>());
    }
}
