//! `loadline check config`.

use std::fs;
use std::path::Path;

use crate::support::{PATIENCE, Process, loadline};

/// Runs the check: whether it succeeded, its stdout, its stderr.
async fn check(files: &[&Path]) -> (bool, String, String) {
    let mut command = loadline();
    command.args(["check", "config"]).args(files);
    let mut process = Process::spawn("loadline check", command);
    let status = process.wait_exit(PATIENCE).await;
    (status.success(), process.stdout(), process.stderr())
}

fn in_project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[tokio::test]
async fn shipped_files_are_ok() {
    let files =
        ["examples/loadline.yml", "docs/loadline.example.yml", "deploy/kubernetes/loadline.yml"];
    let files = files.map(in_project);
    let (ok, stdout, stderr) = check(&files.each_ref().map(|file| file.as_path())).await;
    assert!(ok, "{stdout}{stderr}");
    for file in files {
        assert!(stdout.contains(&format!("{}: ok\n", file.display())), "{stdout}");
    }
}

#[tokio::test]
async fn each_wrong_file_is_named_with_each_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good.yml");
    let bad = folder.path().join("bad.yml");
    fs::write(&good, "prometheus: {url: http://p}\ntargets: [{name: a}]\n").expect("written");
    fs::write(
        &bad,
        "prometheus: {url: http://p}\ntargets: [{name: a, identity: []}]\nguard: {max_shrink_ratio: 2}\n",
    )
    .expect("written");
    let missing = folder.path().join("missing.yml");
    let (ok, stdout, stderr) = check(&[&bad, &good, &missing]).await;
    assert!(!ok);
    let stdout = stdout.replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(stdout);
    assert_eq!(stderr, "loadline: error: 2 of 3 files cannot be used\n");
}

#[tokio::test]
async fn risky_settings_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("risky.yml");
    fs::write(
        &file,
        "global: {evaluation_interval: 1m, history: 30m, mode: enforce}
prometheus:
  url: https://p
  timeout: 2m
  max_sample_age: 30s
  http_config: {tls_config: {insecure_skip_verify: true}}
targets:
  - name: a
    identity: [instance]
    actuator: docker
    scale: {cpu: {min: 1, max: 2}}
    guard: {cooldown_down: 0s, stabilization_down: 0s}
alerts: {rules: [{alertname: A, dimension: cpu, ttl: 5s}]}
web: {allow_unauthenticated_writes: true}
",
    )
    .expect("written");
    let (ok, stdout, stderr) = check(&[&file]).await;
    assert!(ok, "{stdout}{stderr}");
    insta::assert_snapshot!(stdout.replace(&folder.path().display().to_string(), "DIR"));
}

#[tokio::test]
async fn a_check_without_files_is_a_wrong_command_line() {
    let (ok, stdout, stderr) = check(&[]).await;
    assert!(!ok && stdout.is_empty());
    assert!(stderr.contains("<FILE>"), "{stderr}");
}
