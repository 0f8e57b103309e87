//! The shape of the house: which room may use which, what the pure rooms must not touch, how long a file
//! may get, and what dependencies may be.

mod dependencies;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::SourceFile;

/// Each room in the order of `src/lib.rs`, with the rooms it may use. The order allows no arrow by
/// itself: an arrow that is not in this table is a decision to be taken here, in the open.
const ROOMS: [(&str, &[&str]); 27] = [
    ("units", &[]),
    ("chart", &[]),
    ("metric_set", &[]),
    ("target", &[]),
    ("config", &["units", "target"]),
    ("web", &["config"]),
    ("cgroup", &["units", "metric_set"]),
    ("procfs", &["metric_set"]),
    ("disk", &["metric_set", "cgroup"]),
    ("identity", &["units"]),
    ("exporter", &["units", "metric_set", "web", "cgroup", "procfs", "disk", "identity"]),
    ("promql", &["units", "target", "config"]),
    ("window", &["units", "target", "promql"]),
    ("features", &["units", "target", "config", "window"]),
    ("detect", &["units", "target", "config", "features"]),
    ("forecast", &["units", "config"]),
    ("predict", &["units", "config", "features", "detect", "forecast"]),
    ("policy", &["units", "target", "config", "promql", "detect", "forecast"]),
    ("guard", &["units", "target", "config", "promql", "detect", "policy"]),
    ("journal", &["units", "target", "detect", "policy", "guard"]),
    ("actuate", &["units", "target", "config", "cgroup", "journal"]),
    ("alerts", &["units", "target", "config", "web", "policy", "journal"]),
    (
        "scaler",
        &[
            "units", "target", "config", "web", "cgroup", "exporter", "promql", "window",
            "features", "detect", "forecast", "predict", "policy", "guard", "journal", "actuate",
            "alerts",
        ],
    ),
    ("simulate", &["units", "chart", "target", "config", "promql", "forecast", "policy", "guard"]),
    ("page", &["units", "target", "policy", "guard", "scaler"]),
    ("workload", &["web"]),
    // The command line joins everything; only `main.rs` uses it.
    (
        "cli",
        &[
            "units",
            "chart",
            "metric_set",
            "target",
            "config",
            "web",
            "cgroup",
            "identity",
            "exporter",
            "promql",
            "window",
            "features",
            "detect",
            "forecast",
            "predict",
            "policy",
            "guard",
            "journal",
            "actuate",
            "alerts",
            "scaler",
            "simulate",
            "page",
            "workload",
        ],
    ),
];

/// The rooms that decide. Live loop, `decide` and tests call the same functions and must get the same
/// answer each time: so no clock, no I/O, no environment and no chance that is not seeded.
const PURE: [&str; 6] = ["features", "detect", "forecast", "predict", "policy", "guard"];

/// Names that bring the world in. `HashMap` and `HashSet` are here because their order differs from
/// run to run.
const IMPURE: [&str; 20] = [
    "SystemTime",
    "Instant",
    "tokio",
    "reqwest",
    "hyper",
    "hyper_util",
    "axum",
    "rustix",
    "bollard",
    "tracing",
    "println",
    "eprintln",
    "print",
    "eprint",
    "OsRng",
    "ThreadRng",
    "thread_rng",
    "from_os_rng",
    "HashMap",
    "HashSet",
];

/// The same, as children of `std`.
const IMPURE_STD: [&str; 6] = ["fs", "env", "net", "process", "thread", "os"];

/// The longest file: lines of code, without comments, blank lines and `#[cfg(test)]` modules.
const LONGEST_FILE: usize = 400;

fn sources() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = source::read_all(&root);
    assert!(files.len() > ROOMS.len(), "src holds the rooms: found {} files", files.len());
    files
}

fn allowed(room: &str) -> &'static [&'static str] {
    ROOMS.iter().find(|(name, _)| *name == room).map_or(&[], |(_, uses)| *uses)
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

/// What is wrong with the arrows of one file.
fn forbidden_arrows(file: &SourceFile) -> Vec<String> {
    file.crate_paths()
        .filter(|(name, _)| {
            is_room(name) && *name != file.room && !allowed(&file.room).contains(name)
        })
        .map(|(name, line)| format!("{}:{line}: {} may not use {name}", file.path, file.room))
        .collect()
}

/// What in one file of a pure room reaches for the world.
fn impurities(file: &SourceFile) -> Vec<String> {
    let names = file.idents().filter(|(name, _)| IMPURE.contains(name));
    let std = file.children_of("std").filter(|(name, _)| IMPURE_STD.contains(name));
    names
        .chain(std)
        .map(|(name, line)| format!("{}:{line}: {} is pure, found {name}", file.path, file.room))
        .collect()
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let wrong: Vec<String> =
        sources().iter().filter(|file| is_room(&file.room)).flat_map(forbidden_arrows).collect();
    assert!(
        wrong.is_empty(),
        "arrows that tests/architecture.rs does not allow:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_table_follows_the_map_in_lib_rs() {
    let lib = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let listed: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("//! * [`")?.split_once("`]").map(|(name, _)| name))
        .collect();
    let table: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(
        listed, table,
        "the list in src/lib.rs and ROOMS name the same rooms in the same order"
    );

    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, table.iter().copied().collect(), "every module of src/lib.rs is a room");

    for (place, (room, uses)) in ROOMS.iter().enumerate() {
        for used in *uses {
            let above = table[..place].contains(used);
            assert!(above, "{room} may use only rooms above it, and {used} is not");
        }
    }
}

#[test]
fn pure_rooms_touch_nothing() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|file| PURE.contains(&file.room.as_str()))
        .flat_map(impurities)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_short() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|file| file.code_lines() > LONGEST_FILE)
        .map(|file| {
            let lines = file.code_lines();
            format!(
                "{}: {lines} lines of code, at most {LONGEST_FILE}: split it by idea",
                file.path
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rules must be able to fail: a file that breaks each of them.
#[test]
fn the_rules_see_what_they_forbid() {
    let text = r#"
        //! crate::scaler in a comment is no arrow
        use crate::{units::Timestamp, policy, scaler::{self, Loop}};
        use super::super::cli;
        use std::{fmt, fs::File};
        fn f() { let s = "crate::page"; let t = std::time::Instant::now(); assert!(crate::actuate::ok()); }
        #[cfg(test)]
        mod tests {
            use super::*;
            use super::super::super::web;
            fn g() { std::env::var("X"); }
        }
    "#;
    let file = SourceFile::parse("src/guard/step.rs", text);
    assert_eq!(file.room, "guard");
    let arrows: BTreeSet<String> = forbidden_arrows(&file).into_iter().collect();
    let expected = [("actuate", 6), ("cli", 4), ("scaler", 3), ("web", 10)]
        .map(|(room, line)| format!("src/guard/step.rs:{line}: guard may not use {room}"));
    assert_eq!(arrows, expected.into_iter().collect());
    let found: BTreeSet<String> = impurities(&file).into_iter().collect();
    let expected = [("Instant", 6), ("fs", 5)]
        .map(|(name, line)| format!("src/guard/step.rs:{line}: guard is pure, found {name}"));
    assert_eq!(found, expected.into_iter().collect());
    assert_eq!(file.code_lines(), 4);
}
