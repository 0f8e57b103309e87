//! What people and other servers send: settings, the web file, webhooks, answers, tables.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loadline::alerts::Webhook;
use loadline::config::{self, WebFile};

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").expect("a folder"));

fuzz_target!(|data: &[u8]| {
    let [which, text @ ..] = data else { return };
    match which % 6 {
        0 => settings(text),
        1 => {
            if let Err(error) = WebFile::parse(text.to_vec(), Path::new("/etc/web.yml")) {
                assert!(!error.problems.is_empty());
            }
        }
        2 => drop(Webhook::parse(text)),
        3 => loadline::promql::fuzzing::answer(text),
        _ => table(text, which % 6 == 5),
    }
});

/// What is refused is refused with a reason.
fn settings(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    match config::parse(text, "loadline.yml") {
        Ok(config) => assert_eq!(config::parse(text, "loadline.yml").ok(), Some(config)),
        Err(error) => assert!(!error.problems.is_empty()),
    }
}

fn table(text: &[u8], gzipped: bool) {
    let path: PathBuf = FOLDER.path().join(if gzipped { "table.csv.gz" } else { "table.csv" });
    std::fs::write(&path, text).expect("written");
    loadline::cli::fuzzing::table(&path);
}
