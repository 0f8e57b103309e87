//! Our own process, from procfs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::statfs;

/// Our own process, as `process_*` tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// CPU time used, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Start since the Unix epoch, nanoseconds.
    pub start_ns: Option<u64>,
    /// Virtual memory, bytes.
    pub virtual_bytes: Option<u64>,
    /// Resident memory, bytes.
    pub resident_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many there may be.
    pub max_fds: Option<u64>,
}

/// The type of a procfs, see statfs(2).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

const NANOSECONDS: u64 = 1_000_000_000;

impl Process {
    /// Reads `<procfs>/self`. What cannot be read is `None`.
    pub fn read(procfs: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(procfs.join(name)).unwrap_or_default();
        let boot_seconds =
            read("stat").lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        let mut process = process(&read("self/stat"), boot_seconds);
        process.open_fds = open_fds(&procfs.join("self/fd"));
        process.max_fds = max_fds(&read("self/limits"));
        process
    }
}

/// Linux 6.2 and later tell the number of descriptors as the directory's size.
fn open_fds(dir: &Path) -> Option<u64> {
    let is_procfs = statfs(dir).ok()?.f_type as u64 == PROC_SUPER_MAGIC;
    match fs::metadata(dir).ok()?.size() {
        size if is_procfs && size > 0 => Some(size),
        _ => fs::read_dir(dir).ok().map(|entries| entries.count() as u64),
    }
}

/// The soft limit in the row "Max open files" of `/proc/self/limits`.
fn max_fds(limits: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    row.split_ascii_whitespace().next()?.parse().ok()
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
    fn the_limit_of_open_files_is_known() {
        let limits =
            "Limit  Soft  Hard\nMax open files            1024                 4096  files\n";
        assert_eq!(max_fds(limits), Some(1024));
        let unlimited = "Max open files            unlimited            unlimited  files\n";
        assert_eq!(max_fds(unlimited), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(.{0,30}\n?){0,8}") {
            let _ = (max_fds(&text), process(&text, Some(u64::MAX)));
        }
    }
}
