//! The units for systemd.

use std::path::Path;

use super::{read, run};
use crate::support::loadline;

const UNITS: [&str; 2] = ["deploy/loadline-exporter.service", "deploy/loadline-scaler.service"];

#[test]
fn systemd_understands_the_units_and_finds_them_confined() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for unit in UNITS {
        let name = Path::new(unit).file_name().expect("a name");
        let path = folder.path().join(name);
        let installed = read(unit).replace("/usr/bin/loadline", env!("CARGO_BIN_EXE_loadline"));
        std::fs::write(&path, installed).expect("written");
        let path = path.to_str().expect("UTF-8");
        let said = run("systemd-analyze", &["verify", path]);
        assert!(said.trim().is_empty(), "{unit}: {said}");
        // 0 is best, 10 is worst; a unit that confines nothing has 9.6.
        run("systemd-analyze", &["security", "--offline=true", "--threshold=30", path]);
    }
}

#[test]
fn loadline_understands_its_command_lines() {
    for unit in UNITS {
        let text = read(unit);
        let command =
            text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/loadline "));
        let arguments = command.unwrap_or_else(|| panic!("{unit} starts loadline")).split(' ');
        let output = loadline().args(arguments).arg("--help").output().expect("loadline runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{unit}: {error}");
    }
}
