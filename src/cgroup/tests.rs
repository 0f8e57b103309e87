//! The scanner against trees of plain files.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::scan::Slot;
use super::{Request, Root, Scanner};
use crate::metric_set::MetricSets;
use crate::units::Limit;

/// A v2 hierarchy in a temporary directory.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("tempdir"));
        tree.write("cgroup.controllers", "cpu memory\n");
        tree
    }

    fn cgroups(&self) -> PathBuf {
        self.0.path().join("fs/cgroup")
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.cgroups().join(inside);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }

    fn scanner(&self) -> Scanner {
        Scanner::new(Root::open(Path::new("/nonexistent"), self.0.path()).expect("v2"))
    }
}

fn paths(scanner: &Scanner) -> Vec<&str> {
    scanner.groups().iter().filter(|g| g.is_alive()).map(super::Group::path).collect()
}

/// Everything, for as long as it takes.
fn everything() -> Request<'static> {
    Request { ignored: &|_| false, sets: MetricSets::defaults(), deadline: None }
}

#[test]
fn parents_come_before_children_and_ignored_ones_not_at_all() {
    let tree = Tree::new();
    for dir in ["a/b/c", "a-b", "a/b.mount/x", "z"] {
        tree.write(&format!("{dir}/memory.current"), "1\n");
    }
    let mut scanner = tree.scanner();
    scanner.scan(&Request { ignored: &|path| path.ends_with(".mount"), ..everything() });
    assert_eq!(paths(&scanner), ["/", "/a", "/a-b", "/a/b", "/a/b/c", "/z"]);
}

#[test]
fn a_cgroup_that_goes_between_discovery_and_read_is_just_gone() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    tree.write("b/memory.current", "2\n");
    let mut scanner = tree.scanner();
    scanner.discover(everything().ignored);
    fs::remove_dir_all(tree.cgroups().join("a")).expect("remove");
    scanner.read(&everything());
    assert_eq!(paths(&scanner), ["/", "/b"]);
    assert_eq!(scanner.problems(), []);
    let generation = scanner.generation();
    scanner.scan(&everything());
    assert_eq!(paths(&scanner), ["/", "/b"]);
    assert_ne!(scanner.generation(), generation);
}

#[test]
fn a_cgroup_made_again_starts_anew() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    let mut scanner = tree.scanner();
    let look = |scanner: &mut Scanner| {
        scanner.scan(&everything());
        let group = scanner.groups().iter().find(|g| g.path() == "/a").expect("found");
        (group.serial(), group.inode(), group.reading().memory.usage)
    };
    let before = look(&mut scanner);
    assert_eq!(before, look(&mut scanner));
    // Moved rather than removed, as the file system might give the inode again.
    fs::rename(tree.cgroups().join("a"), tree.0.path().join("old")).expect("move");
    tree.write("a/memory.current", "7\n");
    let after = look(&mut scanner);
    assert_ne!((before.0, before.1), (after.0, after.1));
    assert_eq!(after.2, Some(7));
}

#[test]
fn a_controller_enabled_later_is_found() {
    let tree = Tree::new();
    tree.write("a/cgroup.procs", "");
    let mut scanner = tree.scanner();
    scanner.scan(&everything());
    assert_eq!(scanner.groups()[1].reading().memory.limit, None);
    tree.write("a/memory.max", "max\n");
    let found = (0..40).any(|_| {
        scanner.scan(&everything());
        scanner.groups()[1].reading().memory.limit == Some(Limit::Max)
    });
    assert!(found);
}

#[test]
fn descriptors_are_kept_under_the_cap() {
    let tree = Tree::new();
    for n in 0..10 {
        for file in ["memory.current", "memory.max", "pids.current", "pids.max"] {
            tree.write(&format!("g{n}/{file}"), "5\n");
        }
        tree.write(&format!("g{n}/memory.stat"), "anon 5\n");
    }
    let mut scanner = tree.scanner();
    let kept = |scanner: &Scanner| {
        let slots = scanner.groups().iter().flat_map(|group| &group.slots);
        slots.filter(|slot| matches!(slot, Slot::Kept(_))).count()
    };
    scanner.scan(&everything());
    let all = kept(&scanner);
    assert_eq!(all, 50);
    for cap in [25, 0, 1000] {
        scanner.set_budget(cap);
        scanner.scan(&everything());
        assert!(kept(&scanner) <= cap);
        let read = scanner.groups().iter().filter(|g| g.reading().pids.max.is_some()).count();
        assert_eq!(read, 10, "cap {cap}");
    }
    assert_eq!(kept(&scanner), all);
}

#[test]
fn a_file_greater_than_the_buffer_is_read_whole() {
    let tree = Tree::new();
    let padding: String = (0..20_000).map(|n| format!("key_{n} {n}\n")).collect();
    tree.write("a/memory.stat", &format!("{padding}anon 42\n"));
    tree.write("a/cgroup.procs", &"123456\n".repeat(30_000));
    let mut scanner = tree.scanner();
    scanner.scan(&everything());
    let reading = scanner.groups()[1].reading();
    assert_eq!(reading.memory.rss, Some(42));
    assert_eq!(reading.pids.processes, Some(30_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_content_of_any_file_leaves_the_others_alone(
        file in prop::sample::select(vec![
            "memory.stat", "memory.current", "cpu.stat", "cpu.max", "io.stat", "memory.pressure",
            "memory.events", "pids.max", "cgroup.procs", "cpu.weight",
        ]),
        content in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let tree = Tree::new();
        tree.write("a/memory.swap.current", "77\n");
        fs::write(tree.cgroups().join("a").join(file), content).expect("write");
        let mut scanner = tree.scanner();
        scanner.scan(&everything());
        let group = scanner.groups().iter().find(|g| g.path() == "/a").expect("found");
        prop_assert_eq!(group.reading().memory.swap, Some(77));
        let name = format!("/a/{file}");
        prop_assert!(scanner.problems().iter().all(|p| p.path.ends_with(&name)));
    }
}
