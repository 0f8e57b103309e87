//! A scaler that asks a real Prometheus for the past: it forecasts, its policies learn, it advises, publishes.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::operations::dashboard::{PanelQuery, panel_queries};
use crate::operations::promql::metric_names;
use crate::support::{PATIENCE, Process, Prometheus, http_get, loadline, wait_for};

/// How long the test may wait for what follows from a tick.
const ROUND: Duration = Duration::from_secs(60);

/// A day's course of the load with noise, and the replicas that serve it, for three days before now and a
/// while after.
fn samples(now: i64) -> String {
    let (mut load, mut replicas) = (String::new(), String::new());
    let (start, end) = (now - 3 * 86_400, now + 1800);
    for (i, at) in (start..end).step_by(60).enumerate() {
        let day = std::f64::consts::TAU * (at % 86_400) as f64 / 86_400.0;
        let value = 600.0 + 300.0 * day.sin() + 20.0 * ((i * 7919) % 100) as f64 / 100.0;
        writeln!(load, "shop_load{{service=\"shop\"}} {value} {at}").expect("text");
        writeln!(replicas, "shop_replicas{{service=\"shop\"}} 9 {at}").expect("text");
    }
    format!("# TYPE shop_load gauge\n{load}# TYPE shop_replicas gauge\n{replicas}")
}

struct Scaler {
    url: String,
    folder: TempDir,
    process: Process,
}

/// The settings of a scaler that keeps its files in `folder`, with these for each rule.
fn settings(prometheus: &str, folder: &Path, rules: &[&str], policy: &str) -> String {
    let path = folder.display();
    let mut config = format!(
        "global: {{evaluation_interval: 1s, history: 10m, ml_metrics: true}}\n\
         prometheus: {{url: '{prometheus}', max_sample_age: 90s}}\n\
         journal: {{path: '{path}', recording: '{path}/recording.jsonl'}}\n\
         web: {{allow_unauthenticated_writes: true}}\n\
         targets:\n"
    );
    for rule in rules {
        write!(
            config,
            "- name: {rule}\n\
         \x20 discover: shop_load\n\
         \x20 identity: [service]\n\
         \x20 mode: advise\n\
         \x20 signals: {{load: shop_load, replicas_ready: shop_replicas}}\n\
         \x20 workload: {{capacity: 50, startup_delay: 2m}}\n\
         \x20 scale: {{replicas: {{min: 2, max: 40}}}}\n\
         \x20 policy: {{{policy}}}\n"
        )
        .expect("text");
    }
    config
}

async fn start(prometheus: &str, policy: &str) -> Scaler {
    let folder = TempDir::new().expect("a folder");
    let config = settings(prometheus, folder.path(), &["web"], policy);
    run(folder, &config).await
}

async fn run(folder: TempDir, config: &str) -> Scaler {
    std::fs::write(folder.path().join("loadline.yml"), config).expect("written");
    let mut command = loadline();
    command.arg("scaler").arg("--config.file").arg(folder.path().join("loadline.yml"));
    command.arg("--web.listen-address=127.0.0.1:0");
    let mut process = Process::spawn("scaler", command);
    let address = process.wait_address(PATIENCE).await;
    Scaler { url: format!("http://{address}"), folder, process }
}

impl Scaler {
    async fn get(&self, path: &str) -> Result<String, String> {
        Ok(http_get(&format!("{}{path}", self.url)).await?.text().to_owned())
    }

    /// The value of the first series of `name` with every one of `labels`.
    async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, String> {
        let text = self.get("/metrics").await?;
        let line = text.lines().find(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let value = line.and_then(|line| line.rsplit(' ').next());
        value
            .and_then(|v| v.parse().ok())
            .ok_or_else(|| format!("no {name} with {labels:?}; log: {}", self.process.stderr()))
    }
}

fn now() -> i64 {
    loadline::scaler::now().millis() / 1000
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_forecast_advised_and_published() {
    let prometheus = Prometheus::with_data(&samples(now()), "").await;
    let scaler = start(&prometheus.url, "simple_ceiling: {}").await;
    let quantile = async |level: &str| {
        scaler
            .metric("loadline_forecast", &["horizon=\"15m\"", &format!("quantile=\"{level}\"")])
            .await
    };
    let median = wait_for("a forecast", ROUND, async || quantile("0.5").await).await;
    let day = std::f64::consts::TAU * ((now() + 900) % 86_400) as f64 / 86_400.0;
    let truth = 610.0 + 300.0 * day.sin();
    assert!((median - truth).abs() < 60.0, "{median} for {truth}");
    let (low, high) = (quantile("0.05").await.expect("low"), quantile("0.95").await.expect("high"));
    assert!(low < median && median < high && high - low < 300.0, "{low} {median} {high}");

    let coverage = scaler.metric("loadline_forecast_coverage_ratio", &["horizon=\"15m\""]).await;
    assert!((0.7..=1.0).contains(&coverage.expect("a coverage")));
    let loss = scaler.metric("loadline_forecast_loss_ratio", &["horizon=\"1h\""]).await;
    assert!(loss.expect("a loss") < 0.8, "the course of a day is learnt");
    scaler.metric("loadline_forecast_model_info", &["model="]).await.expect("a model");

    // The decision follows the forecast: as many as its nearest quantiles fill. At some times of the day
    // its median is about as much as a whole number of replicas carries, and moves from tick to tick.
    let count = async |quantile: &str| {
        let labels = ["horizon=\"5m\"", &format!("quantile=\"{quantile}\"")];
        let load = scaler.metric("loadline_forecast", &labels).await?;
        Ok::<_, String>((load / 50.0).ceil())
    };
    let desired = wait_for("a decision upon it", ROUND, async || {
        let (low, high) = (count("0.05").await?, count("0.95").await?);
        let desired = scaler.metric("loadline_desired", &["dimension=\"replicas\""]).await?;
        let follows = (low..=high).contains(&desired);
        if follows { Ok(desired) } else { Err(format!("{desired} of {low} to {high}")) }
    })
    .await;
    // Of what the dashboard shows of replicas and forecasts nothing is missing but arms: another policy
    // decides here.
    let shown = panel_queries(&[]).into_iter().filter(|query| {
        let of_replicas =
            ["loadline_forecast", "loadline_replicas_ready", "dimension=\"replicas\""];
        of_replicas.iter().any(|part| query.expr.contains(part))
    });
    let shown: Vec<PanelQuery> = shown.collect();
    assert!(shown.len() > 10, "{shown:?}");
    for query in shown {
        let horizon: &[&str] =
            if query.expr.contains("horizon=\"15m\"") { &["horizon=\"15m\""] } else { &[] };
        for name in metric_names(&query.expr) {
            scaler.metric(&name, horizon).await.expect(&query.panel);
        }
    }

    let service = ["service=\"shop\""];
    assert_eq!(scaler.metric("ml_predicted_replicas", &service).await, Ok(desired));
    assert_eq!(scaler.metric("ml_current_replicas", &service).await, Ok(9.0));
    let sure = scaler.metric("ml_prediction_confidence", &service).await.expect("a confidence");
    assert!((0.5..1.0).contains(&sure), "{sure}");
    assert!(scaler.metric("ml_predictions_total", &service).await.expect("counted") >= 1.0);

    // Prometheus's own words for the third seed's HPA, and the fourth seed's page.
    let status: Value =
        serde_json::from_str(&scaler.get("/autoscale_status?target=web/shop").await.expect("told"))
            .expect("JSON");
    assert_eq!(status["dimension"], "replicas");
    assert_eq!(status["current"], 9.0);
    assert_eq!((&status["dry_run"], &status["action_taken"]), (&true.into(), &"none".into()));
    assert!(
        ["scale_up", "scale_down", "noop"].contains(&status["decision"].as_str().expect("a word"))
    );
    let before = status["timestamp"].as_str().expect("a time").to_owned();
    let evaluated: Value =
        serde_json::from_str(&scaler.get("/autoscale?target=web/shop").await.expect("told"))
            .expect("JSON");
    assert!(evaluated["timestamp"].as_str().expect("a time") > before.as_str(), "{evaluated}");
    let unknown = scaler.get("/autoscale_status?target=web/nobody").await.expect("told");
    assert!(unknown.contains("no decision about web/nobody"), "{unknown}");

    scaler.end_as_recorded().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_policy_learns_from_the_past_with_what_boosting_foresaw_in_it() {
    let prometheus = Prometheus::with_data(&samples(now()), "").await;
    let scaler = start(&prometheus.url, "default: {}").await;
    let foreseen = wait_for("what boosting foresees", ROUND, async || {
        let labels = ["horizon=\"3m\"", "quantile=\"0.5\""];
        scaler.metric("loadline_short_term_forecast", &labels).await
    })
    .await;
    let day = std::f64::consts::TAU * ((now() + 120) % 86_400) as f64 / 86_400.0;
    let truth = 610.0 + 300.0 * day.sin();
    assert!((foreseen - truth).abs() < 60.0, "{foreseen} for {truth}");
    let obeyed = ["role=\"obeyed\""];
    let replicas = wait_for("a rule that is obeyed", ROUND, async || {
        scaler.metric("loadline_arm_replicas", &obeyed).await
    })
    .await;
    assert!((6.0..20.0).contains(&replicas), "{replicas} on average");
    let shown = panel_queries(&[]).into_iter().filter(|query| {
        let of_it = ["loadline_arm_", "loadline_short_term_forecast"];
        of_it.iter().any(|part| query.expr.contains(part))
            && !query.expr.contains("loadline_arm_limit")
    });
    for query in shown {
        for name in metric_names(&query.expr) {
            scaler.metric(&name, &[]).await.expect(&query.panel);
        }
    }
    // Another policy knows nothing of what this one has learnt.
    let config = settings(&prometheus.url, scaler.folder.path(), &["web"], "default: {aim: slo}");
    std::fs::write(scaler.folder.path().join("loadline.yml"), config).expect("written");
    scaler.process.signal(rustix::process::Signal::HUP);
    wait_for("a lesson of the new policy", ROUND, async || {
        let lessons = scaler.recorded("school")?;
        let policies: Vec<String> = lessons.iter().map(|l| l["policy"].to_string()).collect();
        let found = policies.iter().any(|policy| policy.contains("\"slo\""));
        if found { Ok(()) } else { Err(format!("{policies:?}")) }
    })
    .await;
    scaler.end_as_recorded().await;
}

/// The settings of forecasts are those of the start; a past in other steps would be another one.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_reload_a_past_is_asked_in_the_steps_in_which_it_is_learnt() {
    let prometheus = Prometheus::with_data(&samples(now()), "").await;
    let scaler = start(&prometheus.url, "simple_ceiling: {}").await;
    let lessons = async |target: &str| {
        let learnt = scaler.recorded("learn")?;
        let mut of_target = learnt.into_iter().filter(|lesson| lesson["target"] == target);
        of_target.next_back().ok_or_else(|| format!("{target} has learnt nothing"))
    };
    let first = wait_for("a past", ROUND, async || lessons("web/shop").await).await;
    let config =
        settings(&prometheus.url, scaler.folder.path(), &["web", "api"], "simple_ceiling: {}");
    let config = format!("forecast: {{step: 1m}}\n{config}");
    std::fs::write(scaler.folder.path().join("loadline.yml"), config).expect("written");
    scaler.process.signal(rustix::process::Signal::HUP);
    let second =
        wait_for("the past of another rule", ROUND, async || lessons("api/shop").await).await;
    for lesson in [&first, &second] {
        assert_eq!(lesson["step"], "5m");
        let steps = lesson["values"].as_array().map_or(0, Vec::len);
        assert!((860..=865).contains(&steps), "three days: {steps}");
    }
}

/// A CPU that was busy for an hour half a day ago, on each of three days: who knew only the last minutes
/// would lower its limit to a twentieth.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_lowered_to_what_was_needed_days_ago() {
    let now = now();
    let mut cpu = String::from("# TYPE app_cpu gauge\n");
    for at in (now - 3 * 86_400..now + 1800).step_by(60) {
        let busy = (now - at).rem_euclid(86_400).abs_diff(43_200) < 1800;
        writeln!(cpu, "app_cpu{{name=\"shop\"}} {} {at}", if busy { 3.0 } else { 0.2 })
            .expect("text");
    }
    let mut limit = String::from("# TYPE app_cpu_limit gauge\n");
    for at in (now - 1800..now + 1800).step_by(60) {
        writeln!(limit, "app_cpu_limit{{name=\"shop\"}} 4 {at}").expect("text");
    }
    let prometheus = Prometheus::with_data(&(cpu + &limit), "").await;
    let folder = TempDir::new().expect("a folder");
    let (url, path) = (&prometheus.url, folder.path().display());
    let config = format!(
        "global: {{evaluation_interval: 1s, history: 10m}}\n\
         prometheus: {{url: '{url}', max_sample_age: 90s}}\n\
         journal: {{path: '{path}', recording: '{path}/recording.jsonl'}}\n\
         guard: {{cooldown_down: 0s, stabilization_down: 0s}}\n\
         targets:\n\
         - name: web\n\
         \x20 discover: app_cpu\n\
         \x20 identity: [name]\n\
         \x20 mode: advise\n\
         \x20 signals: {{cpu_usage_cores: app_cpu, cpu_limit_cores: app_cpu_limit}}\n\
         \x20 scale: {{cpu: {{min: 0.1, max: 8}}}}\n\
         \x20 policy: {{autopilot: {{}}}}\n"
    );
    let scaler = run(folder, &config).await;
    let desired = wait_for("a lower limit", ROUND, async || {
        let desired = scaler.metric("loadline_desired", &["dimension=\"cpu\""]).await?;
        if desired < 4.0 { Ok(desired) } else { Err(format!("{desired} cores")) }
    })
    .await;
    assert!((3.0..3.6).contains(&desired), "{desired} cores");
    scaler.end_as_recorded().await;
}

impl Scaler {
    /// The events of this kind that it recorded.
    fn recorded(&self, kind: &str) -> Result<Vec<Value>, String> {
        let text = std::fs::read_to_string(self.folder.path().join("recording.jsonl"));
        let text = text.map_err(|error| error.to_string())?;
        // The newest line may not be whole yet.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(lines.filter_map(|line| line.pointer(&format!("/event/{kind}")).cloned()).collect())
    }

    /// Ends the scaler; what it recorded, lived through again, ends in the same decisions.
    async fn end_as_recorded(mut self) {
        self.process.signal(rustix::process::Signal::TERM);
        self.process.wait_exit(PATIENCE).await;
        let folder = self.folder.path();
        let mut replay = loadline();
        replay.arg("replay").arg("--recording").arg(folder.join("recording.jsonl"));
        let output = replay.arg("--journal").arg(folder).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("\n0 decisions of the journal"), "{said}");
    }
}
