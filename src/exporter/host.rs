//! The machine and our own process, from procfs and sysfs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::fs::statfs;

use super::Options;
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
    /// Seconds since the Unix epoch.
    boot_seconds: Option<u64>,
    /// Our own process.
    pub process: Process,
}

/// Our own process, as `process_*` tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// CPU time used, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Start since the Unix epoch, nanoseconds.
    pub start_ns: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub resident_bytes: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

/// The type of a procfs, see statfs(2).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

const NANOSECONDS: u64 = 1_000_000_000;

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
            boot_seconds: None,
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
        self.boot_seconds =
            stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        self.memory_bytes = kilobytes(&meminfo, "MemTotal:");
        self.swap_bytes = kilobytes(&meminfo, "SwapTotal:");
        self.process = process(&read("self/stat"), self.boot_seconds);
        self.process.open_fds = self.open_fds();
        self.process.max_fds = max_fds(&read("self/limits"));
    }

    /// Linux 6.2 and later tell the number of descriptors as the directory's size.
    fn open_fds(&self) -> Option<u64> {
        let dir = self.options.procfs.join("self/fd");
        let is_procfs = statfs(&dir).ok()?.f_type as u64 == PROC_SUPER_MAGIC;
        match fs::metadata(&dir).ok()?.size() {
            size if is_procfs && size > 0 => Some(size),
            _ => fs::read_dir(&dir).ok().map(|entries| entries.count() as u64),
        }
    }
}

/// The soft limit in the row "Max open files" of `/proc/self/limits`.
fn max_fds(limits: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    row.split_ascii_whitespace().next()?.parse().ok()
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

/// Fields of `/proc/self/stat`, see proc_pid_stat(5). The name in parentheses may hold anything.
fn process(stat: &str, boot_seconds: Option<u64>) -> Process {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    // The first field after the name is number 3 of the manual page.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let tick_ns = NANOSECONDS / rustix::param::clock_ticks_per_second().max(1);
    let ticks = |n: u64| n.checked_mul(tick_ns);
    let cpu_ticks = field(14).zip(field(15)).and_then(|(user, system)| user.checked_add(system));
    let start = boot_seconds
        .and_then(|seconds| seconds.checked_mul(NANOSECONDS))
        .zip(field(22).and_then(ticks))
        .and_then(|(boot, since)| boot.checked_add(since));
    Process {
        cpu_ns: cpu_ticks.and_then(ticks),
        start_ns: start,
        virtual_bytes: field(23),
        resident_bytes: field(24).and_then(|p| p.checked_mul(rustix::param::page_size() as u64)),
        open_fds: None,
        max_fds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn our_own_process_is_known() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 200 1048576 10 1";
        let process = process(stat, Some(1000));
        assert_eq!(process.cpu_ns, Some(2 * NANOSECONDS));
        assert_eq!(process.start_ns, Some(1002 * NANOSECONDS));
        assert_eq!(process.virtual_bytes, Some(1_048_576));
        assert_eq!(process.resident_bytes, Some(10 * rustix::param::page_size() as u64));
    }

    #[test]
    fn the_machine_is_known() {
        assert_eq!(cores("cpu  1 2\ncpu0 1\ncpu1 1\nintr 1\n"), Some(2));
        assert_eq!(cores(""), None);
        let meminfo = "MemTotal:        2048 kB\nSwapTotal:          0 kB\n";
        assert_eq!(kilobytes(meminfo, "MemTotal:"), Some(2 << 20));
        assert_eq!(kilobytes(meminfo, "SwapTotal:"), Some(0));
        assert_eq!(kilobytes(meminfo, "SwapFree:"), None);
        assert_eq!(
            max_fds(
                "Limit  Soft  Hard\nMax open files            1024                 4096  files\n"
            ),
            Some(1024)
        );
        assert_eq!(
            max_fds("Max open files            unlimited            unlimited  files\n"),
            None
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(.{0,30}\n?){0,8}") {
            let _ = (cores(&text), kilobytes(&text, "MemTotal:"), max_fds(&text), process(&text, Some(u64::MAX)));
        }
    }
}
