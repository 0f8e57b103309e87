//! What is read before anything is forecast or simulated: traces, ready-made forecasts, calendars.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loadline::cli::fuzzing;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").expect("a folder"));

fuzz_target!(|data: &[u8]| {
    let [which, text @ ..] = data else { return };
    match which % 5 {
        0 => with_file("trace.csv", text, |path| fuzzing::trace(path, true)),
        1 => with_file("trace.csv", text, |path| fuzzing::trace(path, false)),
        2 => with_file("forecasts.csv", text, fuzzing::forecasts),
        3 => with_file("events.csv", text, fuzzing::events),
        _ => with_file("trace.csv.gz", text, |path| fuzzing::trace(path, true)),
    }
});

fn with_file(name: &str, text: &[u8], read: impl Fn(&Path)) {
    let path: PathBuf = FOLDER.path().join(name);
    std::fs::write(&path, text).expect("written");
    read(&path);
}
