//! What the kernel's files say, read without any of the product's code; and groups of the tests' own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, Process, block_on, wait_for};

/// Whether the host has one hierarchy for all controllers.
pub fn is_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The folder of the group `path` (`/a/b`) under `controller`.
pub fn folder(controller: &str, path: &str) -> PathBuf {
    let top = Path::new("/sys/fs/cgroup");
    let mount = if is_v2() { top.to_path_buf() } else { top.join(controller) };
    mount.join(path.trim_start_matches('/'))
}

/// A file of the group `path`, without its last line feed.
pub fn file(controller: &str, path: &str, name: &str) -> String {
    let file = folder(controller, path).join(name);
    let text = fs::read_to_string(&file);
    text.unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display())).trim_end().to_owned()
}

/// The CPU quota of the group `path`, in cores; `None`: no limit.
pub fn cpu_cores(path: &str) -> Option<f64> {
    let (quota, period) = if is_v2() {
        let text = file("cpu", path, "cpu.max");
        let (quota, period) = text.split_once(' ').expect("two words in cpu.max");
        (quota.to_owned(), period.to_owned())
    } else {
        (file("cpu", path, "cpu.cfs_quota_us"), file("cpu", path, "cpu.cfs_period_us"))
    };
    let quota = quota.parse::<f64>().ok().filter(|quota| *quota > 0.0)?;
    Some(quota / period.parse::<f64>().expect("a number"))
}

/// The memory limit of the group `path`, in bytes; `None`: no limit.
pub fn memory_bytes(path: &str) -> Option<u64> {
    let name = if is_v2() { "memory.max" } else { "memory.limit_in_bytes" };
    file("memory", path, name).parse().ok().filter(|bytes| *bytes < 1 << 62)
}

/// The memory in use of the group `path`, in bytes.
pub fn memory_used_bytes(path: &str) -> u64 {
    let name = if is_v2() { "memory.current" } else { "memory.usage_in_bytes" };
    file("memory", path, name).parse().expect("a number")
}

/// Groups of the same path under `cpu` and `memory`, gone when this is dropped. Nothing in them swaps.
pub struct TestGroup {
    path: String,
}

impl TestGroup {
    /// Makes `/loadline-test-…`.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::make(format!("/loadline-test-{}-{number}", std::process::id()))
    }

    /// Makes a group inside this one, with the same controllers.
    pub fn child(&self, name: &str) -> Self {
        if is_v2() {
            fs::write(folder("", &self.path).join("cgroup.subtree_control"), "+cpu +memory")
                .expect("the group is empty");
        }
        Self::make(format!("{}/{name}", self.path))
    }

    fn make(path: String) -> Self {
        for controller in ["cpu", "memory"] {
            fs::create_dir_all(folder(controller, &path)).expect("a group can be made");
        }
        let (file, value) =
            if is_v2() { ("memory.swap.max", "0") } else { ("memory.swappiness", "0") };
        // A kernel without swap has no such file: as good.
        let _ = fs::write(folder("memory", &path).join(file), value);
        Self { path }
    }

    /// Its path below the mounts.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Writes a file of the group under `controller`.
    pub fn write(&self, controller: &str, file: &str, value: &str) {
        let file = folder(controller, &self.path).join(file);
        fs::write(&file, value).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
    }

    /// Runs a shell script inside the group; what it starts ends with the group.
    pub fn run(&self, script: &str) -> Process {
        let [cpu, memory] = ["cpu", "memory"].map(|c| folder(c, &self.path).join("cgroup.procs"));
        let enter = format!("echo $$ >{} && echo $$ >{}", cpu.display(), memory.display());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{enter} && {script}")]);
        Process::spawn(&self.path, command)
    }
}

impl Drop for TestGroup {
    fn drop(&mut self) {
        let end_all = async || {
            let file = folder("cpu", &self.path).join("cgroup.procs");
            let pids = fs::read_to_string(file).unwrap_or_default();
            for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
                // Only errors where it has ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
            if pids.is_empty() { Ok(()) } else { Err(pids) }
        };
        block_on(async || wait_for("the group to be empty", PATIENCE, end_all).await);
        for controller in ["cpu", "memory"] {
            // On v2 both are one folder: the second time it is gone.
            let _ = fs::remove_dir(folder(controller, &self.path));
        }
    }
}
