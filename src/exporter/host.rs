//! The machine, from procfs and sysfs.

use std::collections::BTreeMap;
use std::fs;

use super::Options;
use super::process::Process;
use super::topology::{self, Cores, Node};
use super::write::label;
use crate::metric_set::MetricSet;

/// What is known of the machine and of ourselves.
#[derive(Debug)]
pub(super) struct Host {
    options: Options,
    /// CPUs online.
    pub cores: Option<u64>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Swap space, bytes.
    pub swap_bytes: Option<u64>,
    /// Of it in use, bytes.
    pub swap_used_bytes: Option<u64>,
    /// Its cores, read again when CPUs come or go.
    pub topology: Cores,
    /// Its memory nodes, where the set `cpu_topology` is on.
    pub nodes: Vec<Node>,
    /// Its memory modules by type: how many, and their bytes.
    pub dimms: BTreeMap<String, (u64, u64)>,
    /// Persistent memory that programs may map, bytes.
    pub app_direct_bytes: Option<u64>,
    /// Whether what cAdvisor prints is asked for.
    pub compat: bool,
    /// Rendered labels of the `machine_` families.
    pub labels: Vec<u8>,
    /// Rendered labels of `cadvisor_version_info`.
    pub version: Vec<u8>,
    /// Our own process.
    pub process: Process,
}

impl Host {
    pub(super) fn new(options: Options) -> Self {
        let trimmed = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let ids = [
            ("boot_id", trimmed(options.procfs.join("sys/kernel/random/boot_id"))),
            ("machine_id", trimmed(options.rootfs.join("etc/machine-id"))),
            ("system_uuid", trimmed(options.sysfs.join("class/dmi/id/product_uuid"))),
        ];
        let mut labels = Vec::new();
        for (name, value) in ids {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                label(name, &value, &mut labels);
            }
        }
        let mut version = Vec::new();
        let ours = concat!("loadline ", env!("CARGO_PKG_VERSION"));
        label("cadvisorVersion", ours, &mut version);
        let kernel = trimmed(options.procfs.join("sys/kernel/osrelease"));
        let release = trimmed(options.rootfs.join("etc/os-release"));
        let known =
            [("kernelVersion", kernel), ("osVersion", release.and_then(|r| pretty_name(&r)))];
        for (name, value) in known {
            if let Some(value) = value {
                label(name, &value, &mut version);
            }
        }
        let mut host = Self {
            version,
            cores: None,
            memory_bytes: None,
            swap_bytes: None,
            swap_used_bytes: None,
            topology: Cores::default(),
            nodes: Vec::new(),
            dimms: topology::dimms(&options.sysfs),
            app_direct_bytes: topology::app_direct_bytes(&options.sysfs),
            compat: options.compat,
            labels,
            process: Process::default(),
            options,
        };
        host.refresh();
        host
    }

    /// Reads again what may change.
    pub(super) fn refresh(&mut self) {
        let Options { procfs, sysfs, sets, .. } = &self.options;
        let read = |name: &str| fs::read_to_string(procfs.join(name)).unwrap_or_default();
        let (stat, meminfo) = (read("stat"), read("meminfo"));
        let (cores, with_topology) = (cores(&stat), sets.contains(MetricSet::CpuTopology));
        if self.cores != cores || self.topology == Cores::default() {
            self.topology = topology::cores(sysfs, with_topology);
        }
        if with_topology {
            self.nodes = topology::nodes(sysfs);
        }
        self.cores = cores;
        self.memory_bytes = kilobytes(&meminfo, "MemTotal:");
        self.swap_bytes = kilobytes(&meminfo, "SwapTotal:");
        let free = kilobytes(&meminfo, "SwapFree:");
        self.swap_used_bytes =
            self.swap_bytes.zip(free).and_then(|(all, free)| all.checked_sub(free));
        self.process = Process::read(procfs);
    }
}

/// The lines `cpu0`, `cpu1`, … of `/proc/stat`: one for each CPU online.
fn cores(stat: &str) -> Option<u64> {
    let is_core = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let count = stat.lines().filter(is_core).count() as u64;
    (count > 0).then_some(count)
}

/// A line of `/proc/meminfo`, in bytes.
fn kilobytes(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// `PRETTY_NAME` of os-release(5), without its quotes.
fn pretty_name(release: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_machine_is_known() {
        assert_eq!(cores("cpu  1 2\ncpu0 1\ncpu1 1\nintr 1\n"), Some(2));
        assert_eq!(cores(""), None);
        let meminfo = "MemTotal:        2048 kB\nSwapTotal:          0 kB\n";
        assert_eq!(kilobytes(meminfo, "MemTotal:"), Some(2 << 20));
        assert_eq!(kilobytes(meminfo, "SwapTotal:"), Some(0));
        assert_eq!(kilobytes(meminfo, "SwapFree:"), None);
        let release = "NAME=X\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        assert_eq!(pretty_name(release).as_deref(), Some("Debian GNU/Linux 12"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(.{0,30}\n?){0,8}") {
            let _ = (cores(&text), kilobytes(&text, "MemTotal:"), pretty_name(&text));
        }
    }
}
