//! `loadline up`: exporter and scaler in one process, on real containers, without a Prometheus.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::docker::DockerEngine;
use crate::support::host::can_run;
use crate::support::{
    PATIENCE, Process, http_get, http_get_with, loadline, promtool_is_silent, wait_for,
};

const ADDRESS: &str = "--web.listen-address=127.0.0.1:0";

/// Twice what a user is promised, for a busy machine.
const FIRST_MINUTES: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_scores_and_advice_for_containers() {
    if !can_run("loadline up", &["dockerd", "docker", "promtool"]) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let limits = ["--cpus", "1", "--memory", "512m"];
    let shop = engine.run("shop-1", &limits, &["sleep", "600"]);
    let root = TempDir::new().expect("a folder");
    std::fs::create_dir_all(root.path().join("var/lib")).expect("made");
    std::os::unix::fs::symlink(engine.data_root(), root.path().join("var/lib/docker"))
        .expect("linked");

    let mut command = loadline();
    command.args(["up", ADDRESS, "--evaluation-interval=500ms"]);
    command.arg(format!("--path.rootfs={}", root.path().display()));
    let mut up = Process::spawn("up", command);
    let address = up.wait_address(PATIENCE).await;

    let wanted = |name: &str, text: &str| {
        text.lines().any(|l| l.starts_with(&format!("{name}{{")) && l.contains("name=\"shop-1\""))
    };
    let metrics = format!("http://{address}/metrics");
    let text = wait_for("a score and a size", FIRST_MINUTES, async || {
        let text = http_get(&metrics).await?.text().to_owned();
        match wanted("loadline_anomaly_score", &text) && wanted("loadline_desired", &text) {
            true => Ok(text),
            false => Err(text.lines().filter(|l| l.starts_with("loadline_")).collect()),
        }
    })
    .await;
    assert!(wanted("container_cpu_usage_seconds_total", &text), "{text}");
    promtool_is_silent(&text);

    let accept = [("Accept", "application/openmetrics-text; version=1.0.0")];
    let open = http_get_with(&metrics, &accept).await.expect("an answer");
    let ends = open.text().lines().filter(|line| *line == "# EOF").count();
    assert!(ends == 1 && open.text().ends_with("# EOF\n"), "{ends} marks of the end");

    // An idle container of one core: in the end the page speaks of lowering it.
    wait_for("advice on the page", FIRST_MINUTES, async || {
        let page = http_get(&format!("http://{address}/")).await?.text().to_owned();
        match page.contains("shop-1") && page.contains("lower cpu to") {
            true => Ok(()),
            false => Err(page),
        }
    })
    .await;
    assert_eq!(shop.cpu_cores(), Some(1.0), "up has changed something");
}

#[tokio::test]
async fn an_ordinary_user_gets_less_and_is_told_so() {
    if !can_run("an ordinary user", &["setpriv", "dockerd", "docker"]) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    engine.run("secretive", &[], &["sleep", "600"]);
    // Where the program was built, an ordinary user may not go.
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("loadline");
    std::fs::copy(env!("CARGO_BIN_EXE_loadline"), &program).expect("copied");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("opened");
    let lib = folder.path().join("var/lib");
    std::fs::create_dir_all(&lib).expect("made");
    std::os::unix::fs::symlink(engine.data_root(), lib.join("docker")).expect("linked");

    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.args(["up", ADDRESS, "--evaluation-interval=500ms"]);
    command.arg(format!("--path.rootfs={}", folder.path().display()));
    let mut up = Process::spawn("up", command);
    let told = up.wait_line("less detail", PATIENCE).await;
    assert!(told.contains("name"), "does not say what is missing: {told}");
    let address = up.wait_address(PATIENCE).await;
    wait_for("a score", FIRST_MINUTES, async || {
        let text = http_get(&format!("http://{address}/metrics")).await?.text().to_owned();
        match text.contains("\nloadline_anomaly_score{") && !text.contains("secretive") {
            true => Ok(()),
            false => Err(up.stderr()),
        }
    })
    .await;
}
