//! The benchmark of the exporter that anyone can run: that it runs, and leaves nothing behind. Its figures
//! are nobody's business here.

use super::{file, run};
use crate::support::cgroup;
use crate::support::host::can_run;

#[test]
fn it_measures_exporter_and_floor_and_removes_its_cgroups() {
    if !can_run("make bench-exporter", &["python3", "rustc", "sleep"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let floor = folder.path().join("floor").display().to_string();
    let source = file("benches/exporter/floor.rs").display().to_string();
    run("rustc", &["--edition=2024", "-Dwarnings", &source, "-o", &floor]);
    let parent = format!("loadline-test-bench-{}", std::process::id());
    let said = run(
        "python3",
        &[
            "-B",
            "benches/exporter/bench.py",
            concat!("--loadline=", env!("CARGO_BIN_EXE_loadline")),
            &format!("--floor={floor}"),
            &format!("--parent={parent}"),
            "--n=2,3",
            "--scrapes=2",
            &format!("--cgroup.include=/{parent}/.*"),
        ],
    );
    let rows: Vec<Vec<&str>> =
        said.lines().map(|line| line.split(" | ").map(str::trim).collect()).collect();
    for start in [["| 2", "idle"], ["| 2", "busy"], ["| 3", "idle"], ["| 3", "busy"]] {
        let programs: Vec<&str> =
            rows.iter().filter(|row| row.starts_with(&start)).map(|row| row[2]).collect();
        assert_eq!(programs, ["floor", "loadline"], "{said}");
    }
    let series = |row: &Vec<&str>| row[10].parse::<u32>().expect("a number");
    let shown: Vec<u32> =
        rows.iter().filter(|row| row.get(2) == Some(&"loadline")).map(series).collect();
    assert!(shown[0] > 0 && shown[2] > shown[0], "the third cgroup is not seen: {said}");
    assert!(said.contains("| `memory` |"), "{said}");
    for controller in ["cpu", "memory"] {
        assert!(!cgroup::folder(controller, &parent).exists(), "{parent} is left behind");
    }
}
