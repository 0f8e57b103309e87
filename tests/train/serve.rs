//! A model that was trained answers over HTTP.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{run, stdout, two_days};
use crate::support::{PATIENCE, Process, client, loadline};

#[tokio::test(flavor = "multi_thread")]
async fn a_trained_model_answers_over_http() {
    let folder = TempDir::new().expect("a folder");
    two_days(folder.path());
    let arguments = ["train", "--data", "metrics", "--output", "models", "--model", "boosting"];
    stdout(&run(folder.path(), &arguments));
    let path = folder.path().display();
    let config = format!(
        "prometheus: {{url: 'http://127.0.0.1:9'}}\n\
         journal: {{path: '{path}/journal'}}\n\
         predict: {{model: '{path}/models/replicas.model'}}\n\
         targets: [{{name: none}}]\n"
    );
    let settings = folder.path().join("loadline.yml");
    fs::write(&settings, config).expect("written");
    let mut command = loadline();
    command.arg("scaler").arg("--config.file").arg(&settings);
    command.arg("--web.listen-address=127.0.0.1:0");
    let mut scaler = Process::spawn("scaler", command);
    let address = scaler.wait_address(PATIENCE).await;
    let ask = async |question: Value| {
        let url = format!("http://{address}/predict");
        let reply = client().post(url).json(&question).send().await.expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("text"))
    };

    let (status, text) = ask(json!({
        "service_name": "shop", "cpu_usage_percent": 90, "replica_count": 3,
        "request_count_per_second": 180,
    }))
    .await;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&answer["service_name"], &answer["current_replicas"]), (&"shop".into(), &3.into()));
    let replicas = answer["predicted_replicas"].as_u64().expect("a count");
    assert!((1..=10).contains(&replicas), "{text}");
    let change = answer["change"].as_i64().expect("a difference");
    assert_eq!(change, replicas as i64 - 3);
    assert!(answer["reasoning"].as_str().is_some_and(|text| text.contains("CPU")), "{text}");

    for (question, expected) in [
        (json!({"service_name": "bar"}), "service_name: the model knows cart, shop"),
        (
            json!({"service_name": "shop", "cpu_usage_percent": "high"}),
            "cpu_usage_percent: expected",
        ),
    ] {
        let (status, text) = ask(question).await;
        assert_eq!(status, 400, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
