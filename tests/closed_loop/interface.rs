//! The scaler's HTTP interface, while nobody answers its questions.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::stage::{Plan, Scaler, TOKEN};
use crate::support::{
    PATIENCE, Process, client, free_port, http_get, loadline, promtool_is_silent, wait_for,
};

const SETTINGS: &str = "  scale:\n    cpu: {min: 0.5, max: 1.5}";

async fn start() -> (Scaler, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).expect("written");
    let plan =
        Plan { mode: "enforce", actuator: "cgroup", settings: SETTINGS, evaluation_interval: "1s" };
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let scaler = Scaler::start(free_port(), &nobody, "shop", &plan, &token).await;
    (scaler, folder)
}

/// Posts `body` and gives status and answer.
async fn post(scaler: &Scaler, path: &str, token: Option<&str>, body: Value) -> (u16, String) {
    let mut request = client().post(format!("{}{path}", scaler.url)).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let reply = request.send().await.expect("an answer");
    (reply.status().as_u16(), reply.text().await.expect("text"))
}

#[tokio::test]
async fn an_unreachable_prometheus_is_said_and_survived() {
    let (scaler, _folder) = start().await;
    scaler.wait_above("loadline_query_failures_total", &["rule=\"shop\""], 0.0).await;
    assert!(scaler.log().contains("nothing is known of any target"), "{}", scaler.log());
    wait_for("readiness", PATIENCE, async || {
        match http_get(&format!("{}/-/ready", scaler.url)).await?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    let metrics = http_get(&format!("{}/metrics", scaler.url)).await.expect("metrics");
    promtool_is_silent(metrics.text());
    assert!(metrics.text().contains("\nprocess_resident_memory_bytes "), "{}", metrics.text());
    let targets = http_get(&format!("{}/api/v1/targets", scaler.url)).await.expect("targets");
    let targets: Value = serde_json::from_str(targets.text()).expect("JSON");
    assert_eq!(targets, json!({ "status": "success", "targets": [] }));
    let page = http_get(&format!("{}/", scaler.url)).await.expect("the page");
    assert!(page.text().contains("No target found yet"), "{}", page.text());
}

#[tokio::test]
async fn a_bad_file_is_refused_and_the_old_one_stays() {
    let (scaler, _folder) = start().await;
    let file = scaler.folder.path().join("loadline.yml");
    let good = std::fs::read_to_string(&file).expect("readable");
    assert_eq!(post(&scaler, "/-/reload", None, json!({})).await.0, 401);
    assert_eq!(post(&scaler, "/-/reload", Some("wrong"), json!({})).await.0, 401);
    assert_eq!(post(&scaler, "/-/reload", Some(TOKEN), json!({})).await.0, 200);

    std::fs::write(&file, good.replace("mode: enforce", "mood: enforce")).expect("written");
    let (status, answer) = post(&scaler, "/-/reload", Some(TOKEN), json!({})).await;
    assert!(status == 500 && answer.contains("mood"), "{status} {answer}");
    assert_eq!(scaler.metric("loadline_config_reload_success", &[]).await, Ok(0.0));
    let enforcing = scaler.metric("loadline_targets", &["mode=\"enforce\""]).await;
    assert_eq!(enforcing, Ok(0.0), "the rule is gone");

    std::fs::write(&file, good.replace("mode: enforce", "mode: advise")).expect("written");
    scaler.signal(rustix::process::Signal::HUP);
    wait_for("the new file", PATIENCE, async || {
        scaler.metric("loadline_targets", &["mode=\"advise\""]).await.map(|_| ())
    })
    .await;
    assert_eq!(scaler.metric("loadline_config_reload_success", &[]).await, Ok(1.0));
}

#[tokio::test]
async fn pauses_are_kept_and_taken_back() {
    let (mut scaler, _folder) = start().await;
    let order = json!({ "target": "shop/a,b", "for": "2h", "reason": "migration" });
    assert_eq!(post(&scaler, "/api/v1/pause", None, order.clone()).await.0, 401);
    assert_eq!(post(&scaler, "/api/v1/pause", Some(TOKEN), order).await.0, 200);
    let kinds = |scaler: &Scaler| -> Vec<String> {
        scaler.journal().iter().map(|r| r["record"].as_str().unwrap_or("").to_owned()).collect()
    };
    assert_eq!(kinds(&scaler), ["pause"]);

    let (status, answer) =
        post(&scaler, "/api/v1/pause", Some(TOKEN), json!({"for": "soon"})).await;
    assert!(status == 400 && answer.contains("duration"), "{status} {answer}");
    let (status, answer) = post(&scaler, "/api/v1/pause", Some(TOKEN), json!({"form": "2h"})).await;
    assert!((400..500).contains(&status) && answer.contains("form"), "{status} {answer}");

    scaler.kill();
    scaler.launch().await;
    let order = json!({ "target": "shop/a,b" });
    assert_eq!(post(&scaler, "/api/v1/resume", Some(TOKEN), order).await.0, 200);
    assert_eq!(kinds(&scaler), ["pause", "resume"]);
}

#[tokio::test]
async fn a_journal_has_one_scaler() {
    let (scaler, _folder) = start().await;
    let mut command = loadline();
    command.arg("scaler").arg("--config.file").arg(scaler.folder.path().join("loadline.yml"));
    command.arg("--web.listen-address=127.0.0.1:0");
    let mut second = Process::spawn("second scaler", command);
    let status = second.wait_exit(PATIENCE).await;
    assert_eq!(status.code(), Some(1));
    assert!(second.stderr().contains("journal"), "{}", second.stderr());
}
