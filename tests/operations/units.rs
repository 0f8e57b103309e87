//! The units for systemd.

use std::path::Path;

use super::{read, run};
use crate::support::loadline;

const UNITS: [&str; 2] = ["deploy/loadline-exporter.service", "deploy/loadline-scaler.service"];

/// For who wants systemd to listen: the socket, and what then changes in the service.
const SOCKET: &str = "deploy/loadline-exporter.socket";
const DROP_IN: &str = "deploy/loadline-exporter.service.d/socket.conf";

/// Puts files of the project into `folder`, under their paths below `deploy/`, as a package would.
fn install(folder: &Path, files: &[&str]) {
    for file in files {
        let to = folder.join(file.strip_prefix("deploy/").expect("one of deploy/"));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        let installed = read(file).replace("/usr/bin/loadline", env!("CARGO_BIN_EXE_loadline"));
        std::fs::write(to, installed).expect("written");
    }
}

#[test]
fn the_socket_fits_its_service_which_then_needs_no_network() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    install(folder.path(), &[UNITS[0], SOCKET, DROP_IN]);
    let [service, socket] = ["loadline-exporter.service", "loadline-exporter.socket"]
        .map(|name| folder.path().join(name).display().to_string());
    let said = run("systemd-analyze", &["verify", &service, &socket]);
    assert!(said.trim().is_empty(), "{said}");
    run("systemd-analyze", &["security", "--offline=true", "--threshold=15", &service]);
}

#[test]
fn systemd_understands_the_units_and_finds_them_confined() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for unit in UNITS {
        install(folder.path(), &[unit]);
        let path = folder.path().join(unit.trim_start_matches("deploy/"));
        let path = path.to_str().expect("UTF-8");
        let said = run("systemd-analyze", &["verify", path]);
        assert!(said.trim().is_empty(), "{unit}: {said}");
        // 0 is best, 10 is worst; a unit that confines nothing has 9.6.
        run("systemd-analyze", &["security", "--offline=true", "--threshold=30", path]);
    }
}

#[test]
fn loadline_understands_its_command_lines() {
    for unit in [UNITS[0], UNITS[1], DROP_IN] {
        let text = read(unit);
        let command =
            text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/loadline "));
        let arguments = command.unwrap_or_else(|| panic!("{unit} starts loadline")).split(' ');
        let output = loadline().args(arguments).arg("--help").output().expect("loadline runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{unit}: {error}");
    }
}
