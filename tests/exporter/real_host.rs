//! The exporter against the kernel that runs the tests. Needs root and a writable cgroup file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use loadline::cgroup::Reading;
use loadline::exporter::{Collector, Options};
use loadline::units::Timestamp;

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

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
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
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for dir in &self.dirs {
            let _ = fs::remove_dir(dir);
        }
    }
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
