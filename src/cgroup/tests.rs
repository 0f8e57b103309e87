//! The scanner against trees of plain files.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Request, Root, Scanner};
use crate::metric_set::{MetricSet, MetricSets};
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
        let nowhere = Path::new("/nonexistent");
        let root = Root::open(nowhere, self.0.path()).expect("v2");
        Scanner::new(root, nowhere, MetricSets::defaults(), 1000)
    }
}

fn paths(scanner: &Scanner) -> Vec<&str> {
    scanner.groups().iter().filter(|g| g.is_alive()).map(super::Group::path).collect()
}

fn scan(scanner: &mut Scanner, request: &Request) {
    scanner.discover(&|_| false);
    scanner.read(request);
}

/// Everything, for as long as it takes.
fn everything() -> Request<'static> {
    Request { wanted: &|_| true, sets: MetricSets::defaults(), deadline: None }
}

#[test]
fn parents_come_before_children_and_ignored_ones_not_at_all() {
    let tree = Tree::new();
    for dir in ["a/b/c", "a-b", "a/b.mount/x", "z"] {
        tree.write(&format!("{dir}/memory.current"), "1\n");
    }
    let mut scanner = tree.scanner();
    scanner.discover(&|path| path.ends_with(".mount"));
    assert_eq!(paths(&scanner), ["/", "/a", "/a-b", "/a/b", "/a/b/c", "/z"]);
}

#[test]
fn a_cgroup_that_goes_between_discovery_and_read_is_just_gone() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    tree.write("b/memory.current", "2\n");
    let mut scanner = tree.scanner();
    scanner.discover(&|_| false);
    fs::remove_dir_all(tree.cgroups().join("a")).expect("remove");
    scanner.read(&everything());
    assert_eq!(paths(&scanner), ["/", "/b"]);
    assert_eq!(scanner.problems(), []);
    let generation = scanner.generation();
    scan(&mut scanner, &everything());
    assert_eq!(paths(&scanner), ["/", "/b"]);
    assert_ne!(scanner.generation(), generation);
}

#[test]
fn a_cgroup_made_again_starts_anew() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    let mut scanner = tree.scanner();
    let look = |scanner: &mut Scanner| {
        scan(scanner, &everything());
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
    scan(&mut scanner, &everything());
    assert_eq!(scanner.groups()[1].reading().memory.limit, None);
    tree.write("a/memory.max", "max\n");
    let found = (0..40).any(|_| {
        scan(&mut scanner, &everything());
        scanner.groups()[1].reading().memory.limit == Some(Limit::Max)
    });
    assert!(found);
}

#[test]
fn controllers_switched_on_and_off_are_seen_at_once() {
    let tree = Tree::new();
    // What is written under another name is not told, as nobody is told of what the kernel does itself.
    let hidden = tree.0.path().join("hidden");
    fs::write(&hidden, "5\n").expect("write");
    for dir in ["a/b", "a/b/c", "ab"] {
        fs::create_dir_all(tree.cgroups().join(dir)).expect("mkdir");
        fs::hard_link(&hidden, tree.cgroups().join(dir).join("memory.max")).expect("link");
    }
    let mut scanner = tree.scanner();
    let limits = |scanner: &mut Scanner| {
        scan(scanner, &everything());
        let limits = scanner.groups().iter().filter_map(|g| g.reading().memory.limit);
        limits.collect::<Vec<_>>()
    };
    assert_eq!(limits(&mut scanner), [Limit::At(5); 3]);
    fs::write(&hidden, "7\n").expect("write");
    assert_eq!(limits(&mut scanner), [Limit::At(5); 3]);
    tree.write("a/cgroup.subtree_control", "+memory");
    assert_eq!(limits(&mut scanner), [Limit::At(7), Limit::At(5), Limit::At(5)]);
    tree.write("cgroup.subtree_control", "+memory");
    assert_eq!(limits(&mut scanner), [Limit::At(7), Limit::At(5), Limit::At(7)]);
}

#[test]
fn figures_too_great_to_be_summed_stay_great() {
    let tree = Tree::new();
    tree.write("a/memory.stat", &format!("anon {}\nfile 1\n", u64::MAX));
    let mut scanner = tree.scanner();
    scan(&mut scanner, &everything());
    assert_eq!(scanner.groups()[1].reading().memory.usage, Some(u64::MAX));
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
        let slots = scanner.groups().iter().flat_map(|group| group.slots.iter());
        slots.filter(|slot| slot.is_kept()).count()
    };
    scan(&mut scanner, &everything());
    // The limits are remembered instead.
    let all = kept(&scanner);
    assert_eq!(all, 30);
    for cap in [25, 0, 1000] {
        scanner.set_budget(cap);
        scan(&mut scanner, &everything());
        assert!(kept(&scanner) <= cap);
        let read = scanner.groups().iter().filter(|g| g.reading().pids.max.is_some()).count();
        assert_eq!(read, 10, "cap {cap}");
    }
    assert_eq!(kept(&scanner), all);
}

/// Such file systems exist; their newest directory often has the number of the one removed last.
#[test]
fn a_directory_that_got_the_number_of_a_removed_one_is_another() {
    let tree = Tree::new();
    let at = |dir: &str| tree.cgroups().join(dir);
    fs::create_dir(at("a")).expect("mkdir");
    let mut scanner = tree.scanner();
    scan(&mut scanner, &everything());
    let first = scanner.groups()[1].serial();
    // After a renaming nobody knows under which path the first one was removed.
    fs::rename(at("a"), at("b")).expect("rename");
    fs::remove_dir(at("b")).expect("rmdir");
    fs::create_dir(at("a")).expect("mkdir");
    scan(&mut scanner, &everything());
    assert_ne!(scanner.groups()[1].serial(), first);
    tree.write("a/memory.max", "7\n");
    scan(&mut scanner, &everything());
    assert_eq!(scanner.groups()[1].reading().memory.limit, Some(Limit::At(7)));
}

#[test]
fn a_controller_switched_off_does_not_hide_the_cgroup() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    tree.write("a/pids.current", "1\n");
    let mut scanner = tree.scanner();
    scan(&mut scanner, &everything());
    fs::remove_file(tree.cgroups().join("a/memory.current")).expect("remove");
    scan(&mut scanner, &everything());
    assert_eq!(paths(&scanner), ["/", "/a"]);
    assert_eq!(scanner.groups()[1].reading().pids.current, Some(1));
}

#[test]
fn a_deadline_leaves_out_the_rest_and_says_so() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    let mut scanner = tree.scanner();
    let late = Request { deadline: Some(std::time::Instant::now()), ..everything() };
    scan(&mut scanner, &late);
    assert_eq!(scanner.groups()[1].reading().memory.usage, None);
    assert!(!scanner.effort(MetricSet::Memory).is_success());
    scan(&mut scanner, &everything());
    assert_eq!(scanner.groups()[1].reading().memory.usage, Some(1));
    assert!(scanner.effort(MetricSet::Memory).is_success());
}

#[test]
fn only_the_wanted_sets_are_read() {
    let tree = Tree::new();
    tree.write("a/memory.current", "1\n");
    tree.write("a/pids.current", "2\n");
    let mut scanner = tree.scanner();
    scan(&mut scanner, &Request { sets: MetricSets::of(&[MetricSet::Process]), ..everything() });
    let reading = scanner.groups()[1].reading();
    assert_eq!((reading.memory.usage, reading.pids.current), (None, Some(2)));
}

#[test]
fn a_file_greater_than_the_buffer_is_read_whole() {
    let tree = Tree::new();
    let padding: String = (0..20_000).map(|n| format!("key_{n} {n}\n")).collect();
    tree.write("a/memory.stat", &format!("{padding}anon 42\n"));
    tree.write("a/cgroup.procs", &"123456\n".repeat(30_000));
    let mut scanner = tree.scanner();
    scan(&mut scanner, &everything());
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
        scan(&mut scanner, &everything());
        let group = scanner.groups().iter().find(|g| g.path() == "/a").expect("found");
        prop_assert_eq!(group.reading().memory.swap, Some(77));
        let name = format!("/a/{file}");
        prop_assert!(scanner.problems().iter().all(|p| p.path.ends_with(&name)));
    }
}

/// Something that happens to a host between two scans.
#[derive(Clone, Debug)]
enum Event {
    Make(&'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    Write(&'static str, &'static str, u64),
    Scan,
}

const DIRS: [&str; 6] = ["a", "b", "a/b", "a/b/c", "b/a", "x.mount/y"];
const FILES: [&str; 6] =
    ["memory.current", "memory.max", "memory.peak", "cpu.weight", "pids.max", "cgroup.procs"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let dir = || prop::sample::select(&DIRS[..]);
    let event = prop_oneof![
        3 => dir().prop_map(Event::Make),
        2 => dir().prop_map(Event::Remove),
        1 => (dir(), dir()).prop_map(|(from, to)| Event::Rename(from, to)),
        4 => (dir(), prop::sample::select(&FILES[..]), 1..9u64)
            .prop_map(|(dir, file, n)| Event::Write(dir, file, n)),
        3 => Just(Event::Scan),
    ];
    prop::collection::vec(event, 1..120)
}

/// What a scan finds, but for the times of directories.
fn found(scanner: &Scanner) -> Vec<(String, Option<u64>, super::Reading)> {
    let alive = scanner.groups().iter().filter(|group| group.is_alive());
    let plain = |group: &super::Group| {
        let reading = super::Reading { start_time: None, ..group.reading().clone() };
        (group.path().to_owned(), Some(group.inode()), reading)
    };
    alive.map(plain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A scanner that follows changes finds what one finds that has just started.
    #[test]
    fn following_is_as_good_as_looking_anew(events in events(), watching in any::<bool>()) {
        let scan = |scanner: &mut Scanner| {
            scanner.discover(&|path| path.ends_with(".mount"));
            scanner.read(&everything());
        };
        let tree = Tree::new();
        let mut scanner = tree.scanner();
        if !watching {
            scanner.stop_watching();
        }
        scan(&mut scanner);
        for event in events {
            let at = |dir: &str| tree.cgroups().join(dir);
            match event {
                Event::Make(dir) => fs::create_dir_all(at(dir)).expect("mkdir"),
                Event::Remove(dir) => {
                    let _ = fs::remove_dir_all(at(dir));
                }
                Event::Rename(from, to) => {
                    let _ = fs::rename(at(from), at(to));
                }
                Event::Write(dir, file, n) => {
                    let _ = fs::write(at(dir).join(file), format!("{n}\n"));
                }
                Event::Scan => {
                    scan(&mut scanner);
                    let mut fresh = tree.scanner();
                    scan(&mut fresh);
                    prop_assert_eq!(found(&scanner), found(&fresh));
                }
            }
        }
    }
}
