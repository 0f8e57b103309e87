//! The machine, from procfs and sysfs.

use std::fs;

use super::Options;
use super::process::Process;
use super::write::label;

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
    /// Rendered labels of the `machine_` families.
    pub labels: Vec<u8>,
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
        let mut host = Self {
            options,
            cores: None,
            memory_bytes: None,
            swap_bytes: None,
            labels,
            process: Process::default(),
        };
        host.refresh();
        host
    }

    /// Reads again what may change.
    pub(super) fn refresh(&mut self) {
        let procfs = &self.options.procfs;
        let read = |name: &str| fs::read_to_string(procfs.join(name)).unwrap_or_default();
        let (stat, meminfo) = (read("stat"), read("meminfo"));
        self.cores = cores(&stat);
        self.memory_bytes = kilobytes(&meminfo, "MemTotal:");
        self.swap_bytes = kilobytes(&meminfo, "SwapTotal:");
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
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(.{0,30}\n?){0,8}") {
            let _ = (cores(&text), kilobytes(&text, "MemTotal:"));
        }
    }
}
