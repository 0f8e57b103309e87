//! The exporter against the kernel that runs the tests. Needs root and a writable cgroup file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use loadline::cgroup::Reading;
use loadline::exporter::{Collector, Options};
use loadline::units::{Limit, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

/// A cgroup of our own in every hierarchy that the exporter reads; removed with its process in the end.
struct TestCgroup {
    path: String,
    dirs: Vec<PathBuf>,
    child: Option<Child>,
}

impl TestCgroup {
    /// `None` where cgroups cannot be made here.
    fn make(purpose: &str) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let path = format!("/loadline-test-{}-{purpose}", std::process::id());
        let hierarchies: Vec<PathBuf> = if root.join("cgroup.controllers").exists() {
            vec![root.to_owned()]
        } else {
            ["cpu", "cpuacct", "memory", "pids", "blkio", "unified"]
                .iter()
                .map(|h| root.join(h))
                .collect()
        };
        let mut group = Self { path, dirs: Vec::new(), child: None };
        for hierarchy in hierarchies {
            let dir = hierarchy.join(&group.path[1..]);
            if fs::create_dir(&dir).is_ok() {
                group.dirs.push(dir);
            }
        }
        if group.dirs.is_empty() {
            eprintln!("skipped: cgroups cannot be made here");
            return None;
        }
        Some(group)
    }

    /// Starts a shell command in it: the shell first moves itself, then becomes the command.
    fn run(&mut self, script: &str) {
        let moves: String = self
            .dirs
            .iter()
            .map(|dir| format!("echo $$ > {}/cgroup.procs; ", dir.display()))
            .collect();
        let child =
            Command::new("sh").arg("-c").arg(format!("{moves}{script}")).spawn().expect("sh");
        self.child = Some(child);
    }

    /// Writes a setting in the hierarchy that has it; `false` where none has.
    fn set(&self, file: &str, value: &str) -> bool {
        self.dirs.iter().any(|dir| {
            let path = dir.join(file);
            path.exists() && fs::write(path, value).is_ok()
        })
    }

    /// Ends every process in it.
    fn stop(&mut self) {
        for pid in self.dirs.iter().flat_map(|dir| processes(dir)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().expect("wait");
        }
    }

    /// Removes the directories; the kernel may hold one for a moment after its last process ended.
    fn remove(&mut self) {
        self.stop();
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Some(dir) = self.dirs.last() {
            match fs::remove_dir(dir) {
                Ok(()) => drop(self.dirs.pop()),
                Err(_) if Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => panic!("{}: {error}", dir.display()),
            }
        }
    }
}

impl Drop for TestCgroup {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.remove();
            return;
        }
        self.stop();
        for dir in self.dirs.iter().rev() {
            let _ = fs::remove_dir(dir);
        }
    }
}

fn processes(dir: &Path) -> Vec<Pid> {
    let list = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    list.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect()
}

/// Collects until `done` holds for the cgroup's reading; what it measures comes from the kernel.
fn wait_for(collector: &mut Collector, path: &str, done: impl Fn(&Reading) -> bool) -> Reading {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let snapshot = collector.collect(Timestamp::from_millis(1_767_312_000_000));
        let reading = snapshot.entries().find(|e| e.path == path).expect("found").reading.clone();
        if done(&reading) {
            return reading;
        }
        assert!(Instant::now() < deadline, "still not so: {reading:?}");
    }
}

#[test]
fn a_process_under_load_is_seen() {
    let Some(mut group) = TestCgroup::make("load") else { return };
    let mut collector = Collector::new(Options::default()).expect("cgroups are there");
    let path = group.path.clone();
    let idle = wait_for(&mut collector, &path, |_| true);
    assert_eq!(idle.cpu.usage_ns, Some(0));
    assert_eq!(idle.pids.processes, Some(0));
    // A string of 32 MiB, then a busy loop.
    group.run("x=$(head -c 33554432 /dev/zero | tr '\\0' x); while :; do :; done");
    let busy = wait_for(&mut collector, &path, |r| {
        let memory = r.memory.working_set > Some(32 << 20) && r.memory.rss > Some(32 << 20);
        let tasks = r.pids.processes >= Some(1) && r.pids.current >= Some(1);
        memory && tasks && r.cpu.usage_ns > Some(50_000_000) && r.cpu.user_ns > Some(0)
    });
    wait_for(&mut collector, &path, |r| r.cpu.usage_ns > busy.cpu.usage_ns.map(|n| n + 50_000_000));
    group.remove();
    assert!(collector.collect(Timestamp::default()).entries().all(|e| e.path != path));
}

#[test]
fn a_cgroup_made_again_is_another_one() {
    let Some(mut group) = TestCgroup::make("again") else { return };
    let mut collector = Collector::new(Options::default()).expect("cgroups are there");
    let path = group.path.clone();
    let inode = |collector: &mut Collector| {
        let snapshot = collector.collect(Timestamp::default());
        snapshot
            .entries()
            .find(|e| e.path == path)
            .map(|e| (e.inode, e.reading.memory.usage.is_some()))
    };
    let (first, readable) = inode(&mut collector).expect("found");
    assert!(readable);
    let dirs = group.dirs.clone();
    group.remove();
    for dir in dirs {
        fs::create_dir(&dir).expect("mkdir");
        group.dirs.push(dir);
    }
    let (second, readable) = inode(&mut collector).expect("found again");
    assert!(readable);
    assert_ne!(first, second);
}

/// Collects by a collector that has followed the host and by one that just started until both say the same
/// of the cgroup, and `done` holds for it.
fn wait_agreed(follower: &mut Collector, path: &str, done: impl Fn(&Reading) -> bool) -> Reading {
    let read = |collector: &mut Collector| {
        let snapshot = collector.collect(Timestamp::default());
        let entry = snapshot.entries().find(|e| e.path == path).expect("found");
        // The time of a directory moves where nobody keeps it in mind.
        Reading { start_time: None, ..entry.reading.clone() }
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let followed = read(follower);
        let fresh = read(&mut Collector::new(Options::default()).expect("cgroups are there"));
        if followed == fresh && done(&followed) {
            return followed;
        }
        assert!(Instant::now() < deadline, "followed {followed:?}\nfresh {fresh:?}");
    }
}

/// What is remembered between two scrapes is dropped when it no longer holds.
#[test]
fn nothing_is_remembered_for_too_long() {
    let Some(mut group) = TestCgroup::make("remembered") else { return };
    let path = group.path.clone();
    let mut follower = Collector::new(Options::default()).expect("cgroups are there");
    wait_agreed(&mut follower, &path, |_| true);

    // Settings that somebody writes.
    let limit = 64 << 20;
    assert!(group.set("memory.limit_in_bytes", "67108864") || group.set("memory.max", "67108864"));
    assert!(group.set("cpu.shares", "512") || group.set("cpu.weight", "50"));
    wait_agreed(&mut follower, &path, |r| r.memory.limit == Some(Limit::At(limit)));
    assert!(group.set("cpu.cfs_quota_us", "20000") || group.set("cpu.max", "20000 100000"));
    wait_agreed(&mut follower, &path, |r| r.cpu.quota_us == Some(Limit::At(20_000)));

    // A peak that is over before anybody looks; I/O; throttling.
    let disk = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).expect("a file");
    let disk = disk.path().display();
    group.run(&format!(
        "x=$(head -c 16777216 /dev/zero | tr '\\0' x); unset x; \
         dd if=/dev/zero of={disk} bs=64k count=8 oflag=direct 2>/dev/null; \
         i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 1000 & exec sleep 1000"
    ));
    let peaked = wait_agreed(&mut follower, &path, |r| {
        let wrote = r.io.iter().any(|d| d.writes > Some(0)) || r.io.is_empty();
        r.memory.max_usage > Some(16 << 20) && r.cpu.throttled_periods > Some(0) && wrote
    });
    assert_eq!(peaked.memory.oom_kills, Some(0));

    // Processes that are moved while they sleep: out, and in again.
    // The shell with its `dd` is two processes as well, and those end.
    let sleeps = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n")
    };
    let asleep = wait_agreed(&mut follower, &path, |r| {
        r.pids.list.len() == 2 && r.pids.list.iter().all(sleeps)
    });
    assert_eq!(asleep.pids.processes, Some(2));
    let sleepers: Vec<u32> = asleep.pids.list;
    let move_to = |up: bool| {
        for dir in &group.dirs {
            let to = if up { dir.parent().expect("the mount") } else { dir };
            for pid in &sleepers {
                fs::write(to.join("cgroup.procs"), pid.to_string()).expect("moved");
            }
        }
    };
    move_to(true);
    wait_agreed(&mut follower, &path, |r| r.pids.processes == Some(0));
    move_to(false);
    wait_agreed(&mut follower, &path, |r| r.pids.processes == Some(2));
    group.stop();

    // More memory than there may be: refused, then killed.
    group.run("x=$(head -c 134217728 /dev/zero | tr '\\0' x); exec sleep 1000");
    wait_agreed(&mut follower, &path, |r| {
        r.memory.oom_kills > Some(0) && r.memory.failcnt > Some(0)
    });
}

#[test]
fn births_and_deaths_are_followed() {
    let Some(mut group) = TestCgroup::make("follow") else { return };
    let mut collector = Collector::new(Options::default()).expect("cgroups are there");
    let parent = group.path.clone();
    let below = |collector: &mut Collector| -> Vec<String> {
        let snapshot = collector.collect(Timestamp::default());
        let paths = snapshot.entries().map(|entry| entry.path);
        paths.filter_map(|path| path.strip_prefix(&parent)).map(str::to_owned).collect()
    };
    assert_eq!(below(&mut collector), [""]);
    let own = group.dirs.clone();
    for name in ["a", "a/b", "odd\\x2d\"ñ\" name"] {
        for dir in &own {
            fs::create_dir(dir.join(name)).expect("mkdir");
            group.dirs.push(dir.join(name));
        }
    }
    let odd = "/odd\\x2d\"ñ\" name";
    assert_eq!(below(&mut collector), ["", "/a", "/a/b", odd]);
    // One that is only in one hierarchy is a cgroup too.
    fs::create_dir(own[0].join("a/c")).expect("mkdir");
    assert_eq!(below(&mut collector), ["", "/a", "/a/b", "/a/c", odd]);
    fs::remove_dir(own[0].join("a/c")).expect("rmdir");
    for dir in &own {
        fs::remove_dir(dir.join("a/b")).expect("rmdir");
    }
    group.dirs.retain(|dir| !dir.ends_with("a/b"));
    assert_eq!(below(&mut collector), ["", "/a", odd]);
}
