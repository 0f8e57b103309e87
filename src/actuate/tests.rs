use std::cell::RefCell;
use std::fs;
use std::path::Path;

use super::*;
use crate::config::CgroupActuator;
use crate::target::Labels;

fn target(labels: &[(&str, &str)]) -> Target {
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Target { id: "test/web".into(), rule: "test".into(), labels }
}

/// A machine whose kernel does as the test says.
#[derive(Default)]
struct Machine {
    /// The size in force, and what the kernel makes of each later write; `None`: the write fails.
    size: RefCell<Option<f64>>,
    next: RefCell<Vec<Option<f64>>>,
    writes: RefCell<Vec<f64>>,
    vanishes: bool,
}

impl Saved for f64 {
    fn size(&self) -> Limit<f64> {
        Limit::At(*self)
    }
    fn grain(&self) -> f64 {
        0.01
    }
}

impl Machine {
    fn new(size: f64, next: &[Option<f64>]) -> Self {
        Self {
            size: RefCell::new(Some(size)),
            next: RefCell::new(next.iter().rev().copied().collect()),
            ..Self::default()
        }
    }

    fn put(&self, to: f64) -> Result<(), ActuateError> {
        self.writes.borrow_mut().push(to);
        let made = self.next.borrow_mut().pop().expect("a write that the test did not foresee");
        if self.vanishes {
            *self.size.borrow_mut() = None;
        }
        match made {
            Some(size) => {
                *self.size.borrow_mut() = Some(size);
                Ok(())
            }
            None => Err(ActuateError::lasting(&"t".into(), "file", "no", "nothing")),
        }
    }
}

impl Actuate for Machine {
    type Saved = f64;
    async fn read(&self, target: &Target, _: Resource) -> Result<f64, ActuateError> {
        self.size.borrow().ok_or_else(|| ActuateError::passing(&target.id, "file", "gone", "wait"))
    }
    async fn write(&self, _: &Target, _: &f64, to: f64) -> Result<(), ActuateError> {
        self.put(to)
    }
    async fn restore(&self, _: &Target, before: &f64) -> Result<(), ActuateError> {
        self.put(*before)
    }
}

async fn run(machine: &Machine) -> Outcome {
    change(machine, &target(&[]), Resource::Cpu, 2.0).await
}

#[tokio::test]
async fn a_change_is_applied_when_it_reads_back() {
    let machine = Machine::new(1.0, &[Some(2.009)]);
    assert_eq!(run(&machine).await, Outcome::Applied { size: Limit::At(2.009) });
}

#[tokio::test]
async fn a_change_that_reads_back_wrong_is_undone() {
    let machine = Machine::new(1.0, &[Some(1.5), Some(1.0)]);
    let outcome = run(&machine).await;
    let error = "test/web: wrote the cpu size 2, read back 1.5".to_owned();
    assert_eq!(outcome, Outcome::RolledBack { size: Limit::At(1.0), error });
    assert_eq!(*machine.writes.borrow(), [2.0, 1.0]);
}

#[tokio::test]
async fn a_refused_change_leaves_nothing_to_undo() {
    let machine = Machine::new(1.0, &[None]);
    let outcome = run(&machine).await;
    assert!(matches!(outcome, Outcome::Failed { size: Some(Limit::At(1.0)), .. }), "{outcome:?}");
    assert_eq!(*machine.writes.borrow(), [2.0]);
}

#[tokio::test]
async fn a_failed_undoing_is_told() {
    let machine = Machine::new(1.0, &[Some(1.5), None]);
    let Outcome::Failed { size, error } = run(&machine).await else { panic!("not failed") };
    assert_eq!(size, Some(Limit::At(1.5)));
    assert!(error.contains("the old size 1 could not be put back"), "{error}");
}

#[tokio::test]
async fn a_size_that_cannot_be_read_is_unknown() {
    let machine = Machine { vanishes: true, ..Machine::new(1.0, &[None, None]) };
    let outcome = run(&machine).await;
    assert!(matches!(outcome, Outcome::Failed { size: None, .. }), "{outcome:?}");
}

/// A folder with the files of one group, in the place of the kernel's.
fn sysfs(files: &[(&str, &str)]) -> tempfile::TempDir {
    let sysfs = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = sysfs.path().join("fs/cgroup").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    sysfs
}

fn actuator(sysfs: &Path) -> Actuator {
    let cgroup = CgroupActuator { sysfs: sysfs.to_path_buf(), procfs: "/proc".into() };
    let config = Actuators { cgroup, ..Actuators::default() };
    Actuator::new(ActuatorKind::Cgroup, &config).unwrap()
}

fn file(sysfs: &tempfile::TempDir, path: &str) -> String {
    fs::read_to_string(sysfs.path().join("fs/cgroup").join(path)).unwrap()
}

#[tokio::test]
async fn version_1_keeps_the_period_and_the_room_for_swap() {
    let host = sysfs(&[
        ("cpu/a/cpu.cfs_quota_us", "-1\n"),
        ("cpu/a/cpu.cfs_period_us", "50000\n"),
        ("memory/a/memory.limit_in_bytes", "104857600\n"),
        ("memory/a/memory.memsw.limit_in_bytes", "157286400\n"),
    ]);
    let (actuator, target) = (actuator(host.path()), target(&[("id", "/a")]));
    assert_eq!(actuator.read(&target, Dimension::Cpu).await, Ok(Limit::Max));
    let cpu = actuator.apply(&target, Dimension::Cpu, 1.5).await;
    assert_eq!(cpu, Outcome::Applied { size: Limit::At(1.5) });
    assert_eq!(file(&host, "cpu/a/cpu.cfs_quota_us"), "75000");
    let memory = actuator.apply(&target, Dimension::Memory, 209715200.0).await;
    assert_eq!(memory, Outcome::Applied { size: Limit::At(209715200.0) });
    assert_eq!(file(&host, "memory/a/memory.memsw.limit_in_bytes"), "262144000");
}

#[tokio::test]
async fn version_1_has_a_largest_number_for_no_limit() {
    let host = sysfs(&[("memory/a/memory.limit_in_bytes", "9223372036854771712\n")]);
    let read = actuator(host.path()).read(&target(&[("id", "/a")]), Dimension::Memory).await;
    assert_eq!(read, Ok(Limit::Max));
}

#[tokio::test]
async fn version_2_keeps_the_period() {
    let host = sysfs(&[
        ("cgroup.controllers", "cpu memory\n"),
        ("s.slice/a/cpu.max", "max 20000\n"),
        ("s.slice/a/memory.max", "max\n"),
        ("s.slice/a/memory.current", "1000000\n"),
        ("s.slice/a/memory.stat", "anon 600000\ninactive_file 300000\n"),
    ]);
    let (actuator, target) = (actuator(host.path()), target(&[("id", "/s.slice/a")]));
    let cpu = actuator.apply(&target, Dimension::Cpu, 0.5).await;
    assert_eq!(cpu, Outcome::Applied { size: Limit::At(0.5) });
    assert_eq!(file(&host, "s.slice/a/cpu.max"), "10000 20000");
    let memory = actuator.apply(&target, Dimension::Memory, 700_000.0).await;
    assert_eq!(memory, Outcome::Applied { size: Limit::At(700_000.0) });
}

#[tokio::test]
async fn version_2_is_not_let_to_kill() {
    let host = sysfs(&[
        ("cgroup.controllers", "cpu memory\n"),
        ("a/memory.max", "2000000\n"),
        ("a/memory.current", "1000000\n"),
        ("a/memory.stat", "anon 600000\ninactive_file 300000\n"),
    ]);
    let outcome =
        actuator(host.path()).apply(&target(&[("id", "/a")]), Dimension::Memory, 690_000.0).await;
    let Outcome::Failed { size, error } = outcome else { panic!("{outcome:?}") };
    assert_eq!(size, Some(Limit::At(2_000_000.0)));
    assert!(error.contains("below the 700000 bytes in use"), "{error}");
    assert_eq!(file(&host, "a/memory.max"), "2000000\n");
}

#[tokio::test]
async fn paths_that_leave_the_tree_are_refused() {
    let host = sysfs(&[("cpu/cpu.cfs_quota_us", "-1\n"), ("cpu/cpu.cfs_period_us", "100000\n")]);
    let actuator = actuator(host.path());
    for path in ["/", "", "/..", "/a/../..", "a", "../cpu", "//", "/.", "/a/\0"] {
        let error = actuator.read(&target(&[("id", path)]), Dimension::Cpu).await.unwrap_err();
        assert!(error.to_string().starts_with("test/web: cgroup "), "{path:?}: {error}");
    }
    let error = actuator.read(&target(&[]), Dimension::Cpu).await.unwrap_err();
    insta::assert_snapshot!(error, @"test/web: label id: the target has none; keep the label id (the cgroup's path) in the rule's discover query");
}

#[tokio::test]
async fn sizes_that_are_none_are_refused() {
    let host = sysfs(&[
        ("cpu/a/cpu.cfs_quota_us", "50000\n"),
        ("cpu/a/cpu.cfs_period_us", "100000\n"),
        ("memory/a/memory.limit_in_bytes", "104857600\n"),
    ]);
    let (actuator, target) = (actuator(host.path()), target(&[("id", "/a")]));
    for size in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.000_001] {
        for dimension in Dimension::LIMITS {
            let outcome = actuator.apply(&target, dimension, size).await;
            assert!(matches!(outcome, Outcome::Failed { size: Some(_), .. }), "{outcome:?}");
        }
    }
    assert_eq!(file(&host, "cpu/a/cpu.cfs_quota_us"), "50000\n");
}

#[tokio::test]
async fn what_is_no_number_is_told() {
    let host = sysfs(&[("memory/a/memory.limit_in_bytes", "many\n")]);
    let error =
        actuator(host.path()).read(&target(&[("id", "/a")]), Dimension::Memory).await.unwrap_err();
    assert!(!error.recoverable);
    assert_eq!(error.problem, "line 1: expected a number, found \"many\"");
}

#[test]
fn a_change_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let (actuator, target) = (actuator(Path::new("/sys")), target(&[]));
    is_send(&actuator.apply(&target, Dimension::Cpu, 1.0));
    is_send(&actuator.read(&target, Dimension::Cpu));
}
