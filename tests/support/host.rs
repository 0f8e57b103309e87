//! What a test may ask of the host it runs on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Whether this host can run a test that needs root and `programs`. Where it cannot, says so on stderr,
/// past the capture of the test's output; with `LOADLINE_TEST_REQUIRE_ALL=1` that is a failure.
pub fn can_run(test: &str, programs: &[&str]) -> bool {
    let root = rustix::process::geteuid().is_root();
    let missing: Vec<&str> =
        programs.iter().copied().filter(|program| find_program(program).is_none()).collect();
    if root && missing.is_empty() {
        return true;
    }
    let who = if root { "" } else { " (not root)" };
    let why = format!("{test} cannot run here{who}, missing programs: {missing:?}");
    let all = std::env::var_os("LOADLINE_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all, "{why}");
    // Only fails where stderr is closed: then nobody is listening.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {why}\n");
    false
}

/// Where `program` is; also looks where only root's path does.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Runs a command to its end and gives its stdout, without the last line feed.
///
/// # Panics
/// Where it fails, with its stderr.
pub fn output(program: impl AsRef<Path>, arguments: &[&str]) -> String {
    try_output(program, arguments).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a command to its end: its stdout without the last line feed, or all that is to be said of it.
pub fn try_output(program: impl AsRef<Path>, arguments: &[&str]) -> Result<String, String> {
    let program = program.as_ref();
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&stdout).trim_end().to_owned();
    if status.success() {
        return Ok(text);
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(format!("{} {arguments:?}: {status}\n{text}\n{stderr}", program.display()))
}
