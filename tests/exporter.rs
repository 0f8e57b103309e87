//! The exporter against hosts made of files, and against the host that runs the tests.

#[path = "exporter/dashboards.rs"]
mod dashboards;
#[path = "exporter/fixture.rs"]
pub mod fixture;
#[path = "exporter/real_host.rs"]
mod real_host;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use loadline::exporter::{Collector, Options, table};
use loadline::identity::Runtime;
use loadline::metric_set::{MetricSet, MetricSets, Problem};
use loadline::units::Timestamp;
use loadline::web::Format;

use crate::golden;
use crate::support::promtool_is_silent;
use fixture::{Host, Layout, container_id};

const NOW: Timestamp = Timestamp::from_millis(1_767_312_000_250);

/// cgroups as the runtimes make them, under the names of this kind of host.
fn host(layout: Layout) -> Host {
    let host = Host::new(layout);
    let (web, db) = (container_id(0xc0ffee), container_id(7));
    let compose = r#""com.docker.compose.project":"shop","com.docker.compose.service":"we\"b\\\n","maintainer":"nobody""#;
    host.docker(&web, "shop-web-1", "registry.example/web:1.2", compose);
    host.docker(&db, "db", "postgres:17", "");
    match layout {
        Layout::V1 => {
            host.group("/docker", 2);
            host.group(&format!("/docker/{web}"), 3);
            host.group(&format!("/docker/{db}"), 4);
            host.group("/lxc", 5);
            host.group("/lxc/101", 6);
            host.group("/lxc/101/ns", 7);
            host.group("/lxc.monitor/101", 8);
        }
        Layout::Hybrid => {
            host.group("/docker", 2);
            host.group(&format!("/docker/{web}"), 3);
            host.group("/lxc.payload.größe", 6);
            host.group("/lxc.monitor.größe", 8);
        }
        Layout::V2 => {
            host.group(&format!("/system.slice/docker-{web}.scope"), 3);
            host.group(&format!("/system.slice/docker-{db}.scope"), 4);
            host.group(&format!("/system.slice/docker-{db}.scope/init.scope"), 5);
            host.group("/lxc.payload.web", 6);
            host.group("/lxc.monitor.web", 8);
        }
    }
    host.group("/system.slice", 9);
    host.network(0, &[1, 4000, 9000]);
    host.network(1, &[3000]);
    host.network(2, &[7000, 12000]);
    host.group("/system.slice/ssh.service", 10);
    host.group("/system.slice/dev-mqueue.mount", 11);
    host.group("/system.slice/odd\\x2d\"name\"\nwith\\all.service", 12);
    host.settle();
    host
}

fn exposition(host: &Host, format: Format) -> String {
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    collector.collect(NOW);
    assert_eq!(collector.problems(), Vec::<&Problem>::new());
    let mut out = Vec::new();
    collector.render(format, &mut out).expect("in memory");
    String::from_utf8(out).expect("UTF-8")
}

/// Replaces what differs from run to run: how long the scrape took, and the version.
fn steady(exposition: &str) -> String {
    let mut text = String::new();
    for line in exposition.lines() {
        match line.rsplit_once(' ') {
            Some((series, _))
                if series.starts_with("loadline_scrape_collector_duration_seconds{") =>
            {
                text.push_str(series);
                text.push_str(" 0.001\n");
            }
            _ => {
                text.push_str(&line.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
                text.push('\n');
            }
        }
    }
    text
}

fn check(layout: Layout, name: &str) {
    let host = host(layout);
    let text = exposition(&host, Format::Text);
    promtool_is_silent(&text);
    golden::compare(&format!("tests/golden/exporter-{name}.prom"), &steady(&text));
    let open = exposition(&host, Format::OpenMetrics);
    golden::compare(&format!("tests/golden/exporter-{name}.openmetrics"), &steady(&open));
    let rare = rare(&host);
    promtool_is_silent(&without_cadvisors_names(&rare));
    golden::compare(&format!("tests/golden/exporter-{name}.rare"), &rare);
    let compat = compat(&host);
    promtool_is_silent(&without_cadvisors_names(&compat));
    let usual: HashSet<&str> = text.lines().collect();
    let changed: Vec<&str> = compat.lines().filter(|line| !usual.contains(line)).collect();
    golden::compare(&format!("tests/golden/exporter-{name}.compat"), &steady(&changed.join("\n")));
}

/// Leaves out families that promtool would have named otherwise: their names are cAdvisor's.
pub fn without_cadvisors_names(exposition: &str) -> String {
    let disputed = [
        "container_cpu_load_d_average_10s",
        "machine_dimm_count",
        "machine_thread_siblings_count",
        "machine_node_hugepages_count",
        "cadvisor_version_info",
    ];
    let lines = exposition.lines().filter(|line| !disputed.iter().any(|name| line.contains(name)));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What the sets that are off by default say, of the cgroup `/system.slice` and the machine.
fn rare(host: &Host) -> String {
    let sets = MetricSet::ALL.into_iter().filter(|set| !set.is_default());
    let sets = sets.fold(MetricSets::of(&[MetricSet::Cpu]), MetricSets::with);
    let mut collector =
        Collector::new(Options { sets, ..host.options() }).expect("cgroups are there");
    collector.collect(NOW);
    assert_eq!(collector.problems(), Vec::<&Problem>::new());
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("to memory");
    let text = String::from_utf8(out).expect("UTF-8");
    let of_interest = |line: &&str| {
        let machine = line.starts_with("machine_") || line.starts_with("# ");
        line.contains("id=\"/system.slice\"") || machine && !line.contains("loadline_")
    };
    text.lines().filter(of_interest).map(|line| format!("{line}\n")).collect()
}

fn compat(host: &Host) -> String {
    let options = Options { compat: true, ..host.options() };
    let sets = options.sets.with(MetricSet::PerCpu);
    let mut collector = Collector::new(Options { sets, ..options }).expect("cgroups are there");
    collector.collect(NOW);
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("to memory");
    String::from_utf8(out).expect("UTF-8")
}

/// The families of an exposition with all their lines.
fn by_family(exposition: &str) -> BTreeMap<&str, String> {
    let mut families: BTreeMap<&str, String> = BTreeMap::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        families.entry(name).or_default().push_str(line);
    }
    families
}

/// Takes from `/system.slice` what kernels did not always tell.
fn old_kernel(host: &Host, layout: Layout) {
    let (cpu, memory) = match layout {
        Layout::V1 | Layout::Hybrid => ("cpu,cpuacct/system.slice", "memory/system.slice"),
        Layout::V2 => ("system.slice", "system.slice"),
    };
    let memory = format!("sys/fs/cgroup/{memory}");
    host.write(&format!("sys/fs/cgroup/{cpu}/cpu.stat"), "usage_usec 5\nnr_periods 5\n");
    host.write(&format!("{memory}/memory.stat"), "anon 1\nfile 2\ntotal_rss 1\n");
    for file in ["memory.kmem.usage_in_bytes", "memory.swap.current"] {
        let _ = std::fs::remove_file(host.path(&memory).join(file));
    }
}

/// What `docs/metrics.md` says of `--compat=cadvisor` is what it does.
#[test]
fn the_compat_column_is_true() {
    let mut changed = BTreeSet::new();
    for layout in [Layout::V1, Layout::Hybrid, Layout::V2] {
        let sets = MetricSet::ALL.into_iter().fold(MetricSets::NONE, MetricSets::with);
        let host = host(layout);
        old_kernel(&host, layout);
        let of = |compat: bool, sets: MetricSets| {
            let options = Options { compat, sets, ..host.options() };
            let mut collector = Collector::new(options).expect("cgroups are there");
            collector.collect(NOW);
            let mut out = Vec::new();
            collector.render(Format::Text, &mut out).expect("to memory");
            steady(&String::from_utf8(out).expect("UTF-8"))
        };
        let (plain, compat) = (of(false, sets.without(MetricSet::PerCpu)), of(true, sets));
        let (plain, compat) = (by_family(&plain), by_family(&compat));
        for (name, lines) in &compat {
            if plain.get(name) != Some(lines) && !name.starts_with("loadline_") {
                changed.insert((*name).to_owned());
            }
        }
        assert!(plain.keys().all(|name| compat.contains_key(name)), "a family was lost");
    }
    let documented: BTreeSet<String> = table::families()
        .filter(|(_, family)| !family.compat.is_empty())
        .map(|(_, family)| family.name.to_owned())
        .collect();
    assert_eq!(changed, documented);
}

#[test]
fn a_v1_host() {
    check(Layout::V1, "v1");
}

#[test]
fn a_hybrid_host() {
    check(Layout::Hybrid, "hybrid");
}

#[test]
fn a_v2_host() {
    check(Layout::V2, "v2");
}

#[test]
fn no_series_comes_twice() {
    for layout in [Layout::V1, Layout::Hybrid, Layout::V2] {
        let text = exposition(&host(layout), Format::Text);
        let mut series: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(series, _)| series)
            .collect();
        let count = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), count);
    }
}

#[test]
fn one_bad_file_costs_only_its_own_figures() {
    let host = host(Layout::V2);
    host.write("sys/fs/cgroup/lxc.payload.web/memory.stat", "anon 1\nfile many\n");
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    let snapshot = collector.collect(NOW);
    let web = snapshot.entries().find(|e| e.path == "/lxc.payload.web").expect("still there");
    assert_eq!(web.reading.memory.rss, Some(1));
    assert_eq!(web.reading.memory.cache, None);
    assert_eq!(web.reading.memory.usage, Some(6_000_000));
    let problem = collector.problems()[0].to_string();
    assert!(
        problem
            .ends_with("/lxc.payload.web/memory.stat: line 2: expected a number, found \"many\""),
        "{problem}"
    );
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("in memory");
    let text = String::from_utf8(out).expect("UTF-8");
    for line in [
        "container_scrape_error 1",
        "loadline_scrape_collector_success{collector=\"memory\"} 0",
        "loadline_scrape_collector_success{collector=\"cpu\"} 1",
        "container_memory_rss{id=\"/system.slice/ssh.service\"} 40960",
    ] {
        assert!(text.lines().any(|l| l == line), "missing: {line}");
    }
}

#[test]
fn names_follow_renames_and_restarts() {
    let host = host(Layout::V2);
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    let id = container_id(7);
    let path = format!("/system.slice/docker-{id}.scope");
    let name = |collector: &mut Collector| {
        let snapshot = collector.collect(NOW);
        let entry = snapshot.entries().find(|e| e.path == path).expect("is there");
        assert_eq!(entry.identity.runtime, Runtime::Docker);
        (entry.identity.name.clone().expect("named"), entry.inode)
    };
    let (before, inode) = name(&mut collector);
    assert_eq!(before, "db");
    host.docker(&id, "database", "postgres:17", "");
    assert_eq!(name(&mut collector), ("database".to_owned(), inode));
    // Moved away rather than removed, as the file system might else give the same inode again.
    let dir = host.path("sys/fs/cgroup").join(&path[1..]);
    std::fs::rename(&dir, host.path("old")).expect("move");
    assert!(collector.collect(NOW).entries().all(|e| e.path != path));
    host.group(&path, 4);
    let (after, new_inode) = name(&mut collector);
    assert_eq!(after, "database");
    assert_ne!(new_inode, inode);
}

#[test]
fn what_is_missing_is_told() {
    let missing = |host: &Host| {
        let mut collector = Collector::new(host.options()).expect("cgroups are there");
        collector.collect(NOW);
        collector.missing_details()
    };
    assert_eq!(missing(&host(Layout::Hybrid)), Vec::<String>::new());
    let v1 = missing(&host(Layout::V1));
    assert!(v1.len() == 1 && v1[0].starts_with("no pressure figures"), "{v1:?}");
    let host = Host::new(Layout::V2);
    for file in ["memory.stat", "cgroup.procs"] {
        std::fs::remove_file(host.path("sys/fs/cgroup").join(file)).expect("remove");
    }
    let v2 = missing(&host);
    assert!(
        v2[0].starts_with("no memory figures") && v2[1].starts_with("no process figures"),
        "{v2:?}"
    );
}

#[test]
fn a_host_without_cgroups_is_refused() {
    let dir = tempfile::tempdir().expect("tempdir");
    let at = |inside: &str| dir.path().join(inside);
    let options = loadline::exporter::Options {
        procfs: at("proc"),
        sysfs: at("sys"),
        rootfs: at(""),
        ..loadline::exporter::Options::default()
    };
    let error = Collector::new(options).expect_err("nothing is there").to_string();
    assert!(error.contains("proc/self/mountinfo") && error.contains("sys/fs/cgroup"), "{error}");
}

#[test]
fn the_documentation_is_the_table() {
    golden::compare("docs/metrics.md", &loadline::exporter::documentation());
}
