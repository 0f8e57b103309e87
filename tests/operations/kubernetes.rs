//! What an HPA and KEDA ask: each query of the manifests, put to a real Prometheus. No kubelet, no
//! adapter and no KEDA runs here.

use std::time::Duration;

use serde_json::Value;

use super::{list, read, run, text, yaml};
use crate::support::{
    Exporter, PATIENCE, Process, Prometheus, Reply, client, http_get, loadline, wait_for,
};

const ADAPTER: &str = "deploy/kubernetes/prometheus-adapter.yml";
const HPAS: [&str; 2] = ["deploy/kubernetes/hpa.yml", "deploy/kubernetes/hpa-ml.yml"];
const KEDA_PROMETHEUS: &str = "deploy/kubernetes/keda-prometheus.yml";
const KEDA_API: &str = "deploy/kubernetes/keda-metrics-api.yml";
const SETTINGS: &str = "deploy/kubernetes/loadline.yml";
const SCRAPES: &str = "deploy/kubernetes/prometheus.yml";

/// What the scaler exports of two Deployments. The one in question is to have 7 replicas.
const SCALER: &str = r#"
loadline_desired{target="default/default,shop",rule="default",name="shop",target_instance="",dimension="replicas"} 7
loadline_desired{target="default/default,shop",rule="default",name="shop",target_instance="",dimension="cpu"} 11
loadline_desired{target="default/default,cart",rule="default",name="cart",target_instance="",dimension="replicas"} 13
ml_predicted_replicas{service="shop"} 7
ml_predicted_replicas{service="cart"} 13
ml_current_replicas{service="shop"} 4
ml_prediction_confidence{service="shop"} 0.9
ml_predictions_total{service="shop",action="scale_up"} 1
ml_prediction_errors_total{service="shop",error_type="no_data"} 0
"#;
const KUBE_STATE: &str = r#"
kube_deployment_spec_replicas{namespace="default",deployment="shop"} 5
kube_deployment_status_replicas_ready{namespace="default",deployment="shop"} 4
kube_deployment_spec_replicas{namespace="other",deployment="shop"} 17
"#;
const SHOP: &str = r#"
http_requests_total{code="200"} 1000
http_requests_total{code="500"} 10
"#;

/// A Prometheus that scrapes as [`SCRAPES`] says, from servers of this test.
struct Stage {
    prometheus: Prometheus,
    _servers: [Exporter; 3],
}

impl Stage {
    async fn start() -> Self {
        let servers = [
            Exporter::start(SCALER).await,
            Exporter::start(KUBE_STATE).await,
            Exporter::start(SHOP).await,
        ];
        let mut scrapes = read(SCRAPES);
        let names = [
            "loadline-scaler.monitoring:10102",
            "kube-state-metrics.kube-system:8080",
            "shop.default:8080",
        ];
        for (name, server) in names.iter().zip(&servers) {
            assert!(scrapes.contains(name), "{SCRAPES} scrapes {name}");
            scrapes = scrapes.replace(name, &server.address);
        }
        let config = format!("global: {{scrape_interval: 1s}}\n{scrapes}");
        Self { prometheus: Prometheus::start(&config, "").await, _servers: servers }
    }

    /// The values of the series that a query returns, the smallest first, once there is one.
    async fn answer(&self, query: &str) -> Vec<f64> {
        let url = format!("{}/api/v1/query", self.prometheus.url);
        wait_for(&format!("an answer to {query}"), PATIENCE, async || {
            let sent = client().get(&url).query(&[("query", query)]).send().await;
            let reply = Reply::read(sent.map_err(|e| e.to_string())?).await;
            let reply = reply.map_err(|e| e.to_string())?;
            assert_eq!(reply.status, 200, "{query}: {}", reply.text());
            let answer: Value = serde_json::from_str(reply.text()).expect("JSON");
            let series = list(&answer["data"]["result"]);
            let mut values: Vec<f64> = series
                .iter()
                .map(|series| text(&series["value"][1]).parse().expect("a number"))
                .collect();
            values.sort_by(f64::total_cmp);
            if values.is_empty() { Err(reply.text().to_owned()) } else { Ok(values) }
        })
        .await
    }
}

/// The adapter's query for a metric and a selector, as the adapter would fill it in.
fn adapted(rule: &Value, series: &str, selector: &Value) -> String {
    let matchers: Vec<String> = selector
        .as_object()
        .expect("labels")
        .iter()
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    let query = text(&rule["metricsQuery"])
        .replace("<<.Series>>", series)
        .replace("<<.LabelMatchers>>", &matchers.join(","));
    assert!(!query.contains("<<"), "{query} is filled in");
    query
}

#[tokio::test]
async fn each_query_gets_the_size_that_was_decided_on() {
    let stage = Stage::start().await;
    let rules = yaml(ADAPTER);
    let rules = list(&rules["externalRules"]);
    for hpa in HPAS.map(yaml) {
        let metric = &hpa["spec"]["metrics"][0]["external"];
        let name = text(&metric["metric"]["name"]);
        let series_of = |rule: &Value| {
            let series = text(&rule["seriesQuery"]);
            series.split('{').next().unwrap_or_default().to_owned()
        };
        let rule = rules.iter().find(|rule| match text(&rule["name"]["as"]) {
            "" => series_of(rule) == name,
            renamed => renamed == name,
        });
        let rule = rule.unwrap_or_else(|| panic!("{ADAPTER} makes {name}"));
        let found = stage.answer(text(&rule["seriesQuery"])).await;
        assert_eq!(found, [7.0, 13.0], "what the adapter finds for {name}");
        let query = adapted(rule, &series_of(rule), &metric["metric"]["selector"]["matchLabels"]);
        assert_eq!(stage.answer(&query).await, [7.0], "{query}");
        // So many replicas: the value over one for each.
        assert_eq!(
            metric["target"],
            serde_json::json!({"type": "AverageValue", "averageValue": "1"})
        );
    }
    assert_eq!(rules.len(), HPAS.len(), "each rule of {ADAPTER} is asked for");

    let keda = yaml(KEDA_PROMETHEUS);
    let metadata = &keda["spec"]["triggers"][0]["metadata"];
    assert_eq!(stage.answer(text(&metadata["query"])).await, [7.0]);
    assert_eq!((text(&metadata["threshold"]), text(&metadata["ignoreNullValues"])), ("1", "false"));
}

/// The scaler's own queries find the Deployment by its name, and only in its namespace.
#[tokio::test]
async fn the_scalers_queries_get_what_is_scraped() {
    let stage = Stage::start().await;
    let settings = yaml(SETTINGS);
    let rule = &settings["targets"][0];
    let signals = &rule["signals"];
    assert_eq!(stage.answer(text(&rule["discover"])).await, [5.0]);
    assert_eq!(stage.answer(text(&signals["replicas_wanted"])).await, [5.0]);
    assert_eq!(stage.answer(text(&signals["replicas_ready"])).await, [4.0]);
    // Nobody asks for anything: no requests a second.
    assert_eq!(stage.answer(text(&signals["load"])).await, [0.0]);
    // Its name is the label that the rule tells targets apart by.
    assert_eq!(list(&rule["identity"]), ["namespace", "name"]);
    let named = r#"kube_deployment_spec_replicas{namespace="default",name="shop"}"#;
    assert_eq!(stage.answer(named).await, [5.0]);
}

#[test]
fn the_manifests_name_one_deployment_and_one_range() {
    run("promtool", &["check", "config", SCRAPES]);
    let settings = yaml(SETTINGS);
    let replicas = &settings["targets"][0]["scale"]["replicas"];
    for file in HPAS.iter().chain(&[KEDA_PROMETHEUS, KEDA_API]) {
        let spec = &yaml(file)["spec"];
        assert_eq!(text(&spec["scaleTargetRef"]["name"]), "shop", "{file}");
        let either = |hpa: &str, keda: &str| match &spec[hpa] {
            Value::Null => spec[keda].clone(),
            found => found.clone(),
        };
        assert_eq!(either("minReplicas", "minReplicaCount"), replicas["min"], "{file}");
        assert_eq!(either("maxReplicas", "maxReplicaCount"), replicas["max"], "{file}");
    }
}

/// How long the scaler may take for its first decision: two scrapes make a rate.
const DECISION: Duration = Duration::from_secs(60);

/// The scaler, with the shipped settings, says the same at each door: to KEDA's metrics-api trigger, and
/// in both gauges, whose labels are those that the manifests select by.
#[tokio::test]
async fn the_scaler_itself_says_the_same_at_each_door() {
    let stage = Stage::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("loadline.yml");
    let (server, switch) = ("http://prometheus.monitoring:9090", "ml_metrics: true");
    let settings = read(SETTINGS);
    assert!(settings.contains(server) && settings.contains(switch), "{settings}");
    let settings = settings
        .replace(server, &stage.prometheus.url)
        .replace(switch, "ml_metrics: true\n  evaluation_interval: 1s");
    std::fs::write(&file, settings).expect("written");
    let mut command = loadline();
    command.arg("scaler").arg("--config.file").arg(&file);
    command.arg("--web.listen-address=127.0.0.1:0");
    let mut scaler = Process::spawn("scaler", command);
    let address = scaler.wait_address(PATIENCE).await;

    let trigger = &yaml(KEDA_API)["spec"]["triggers"][0];
    assert_eq!(text(&trigger["type"]), "metrics-api");
    let host = "loadline-scaler.monitoring:10102";
    let url = text(&trigger["metadata"]["url"]);
    assert!(url.contains(host), "{url}");
    let url = url.replace(host, &address);
    wait_for("the same size at each door", DECISION, async || {
        let reply = http_get(&url).await?;
        let answer: Value = serde_json::from_str(reply.text()).map_err(|e| e.to_string())?;
        let size = answer[text(&trigger["metadata"]["valueLocation"])].as_f64();
        let metrics = http_get(&format!("http://{address}/metrics")).await?;
        let gauge = |labels: &[&str]| {
            let line = metrics.text().lines().find(|l| labels.iter().all(|part| l.contains(part)));
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        };
        let desired = gauge(&[
            r#"loadline_desired{target="default/default,shop",rule="default",name="shop","#,
            r#",dimension="replicas"}"#,
        ]);
        let predicted = gauge(&[r#"ml_predicted_replicas{service="shop"}"#]);
        let same = size.is_some() && size == desired && size == predicted;
        if same { Ok(()) } else { Err(format!("{}\n{}", reply.text(), metrics.text())) }
    })
    .await;
}
