//! What procfs tells of containers, against the kernel that runs the tests.

#[path = "procfs/disks.rs"]
mod disks;
#[path = "procfs/files.rs"]
mod files;
#[path = "procfs/namespaces.rs"]
mod namespaces;
#[path = "procfs/processes.rs"]
mod processes;

use std::collections::BTreeMap;
use std::process::Command;

use loadline::exporter::{Collector, Options, Scrape};
use loadline::metric_set::{MetricSet, MetricSets};
use loadline::units::Timestamp;
use loadline::web::Format;

use crate::support::host::{output, try_output};

/// The sets that come from procfs.
const SETS: [MetricSet; 6] = [
    MetricSet::Network,
    MetricSet::Sched,
    MetricSet::Descriptors,
    MetricSet::Tcp,
    MetricSet::Udp,
    MetricSet::AdvTcp,
];

/// A collector of this host, for these sets.
fn collector(sets: &[MetricSet]) -> Collector {
    let options = Options { sets: MetricSets::of(sets), ..Options::default() };
    Collector::new(options).expect("cgroups are there")
}

/// Collects anew: the value of every series.
fn scrape(collector: &mut Collector) -> BTreeMap<String, f64> {
    collector.collect_for(Timestamp::default(), &Scrape { sets: all(), ..Scrape::default() });
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("in memory");
    series(&String::from_utf8(out).expect("UTF-8"))
}

fn all() -> MetricSets {
    MetricSet::ALL.into_iter().fold(MetricSets::NONE, MetricSets::with)
}

/// The value of every series of an exposition.
///
/// # Panics
/// Where one comes twice.
fn series(exposition: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        let before = series.insert(name.to_owned(), value.parse().expect("a number"));
        assert_eq!(before, None, "{name} comes twice");
    }
    series
}

/// The series of a family that have this piece of text.
fn find<'a>(series: &'a BTreeMap<String, f64>, family: &str, text: &str) -> Vec<(&'a String, f64)> {
    let start = format!("{family}{{");
    let found = series.iter().filter(|(name, _)| name.starts_with(&start) && name.contains(text));
    found.map(|(name, value)| (name, *value)).collect()
}

/// A pair of interfaces that join the host and a network namespace. The host's end goes with the
/// namespace.
struct Veth {
    host_end: String,
}

impl Veth {
    /// Makes `eth0` in the namespace of this process, and lets traffic through.
    fn join(pid: u32) -> Self {
        let host_end = format!("llt{pid}");
        let pid_text = pid.to_string();
        let peer = ["peer", "name", "eth0", "netns", &pid_text];
        output("ip", &[&["link", "add", &host_end, "type", "veth"][..], &peer].concat());
        output("ip", &["link", "set", &host_end, "up"]);
        inside(pid, &["ip", "link", "set", "eth0", "up"]);
        Self { host_end }
    }

    fn is_there(&self) -> bool {
        try_output("ip", &["link", "show", &self.host_end]).is_ok()
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        // Mostly gone with the namespace.
        let _ = try_output("ip", &["link", "delete", &self.host_end]);
    }
}

/// Runs a program in the network namespace of a process.
fn inside(pid: u32, command: &[&str]) -> String {
    let target = format!("--target={pid}");
    output("nsenter", &[&[target.as_str(), "--net", "--"], command].concat())
}

/// What the kernel counts of `eth0` in the namespace of a process, told by another way than procfs.
fn counted(pid: u32, direction: &str) -> f64 {
    let script =
        format!("mount -t sysfs none /sys && cat /sys/class/net/eth0/statistics/{direction}_bytes");
    let target = format!("--target={pid}");
    let arguments = [target.as_str(), "--net", "--", "unshare", "--mount", "sh", "-c", &script]
        .map(String::from);
    let got = Command::new("nsenter").args(arguments).output().expect("nsenter runs");
    let text = String::from_utf8_lossy(&got.stdout).trim().to_owned();
    text.parse().unwrap_or_else(|_| panic!("{text:?} {}", String::from_utf8_lossy(&got.stderr)))
}
