//! Kernel → exporter → Prometheus → scaler → a real container's limit, and back; with Alertmanager as the
//! second trigger. All parts are real.

mod crash;
mod interface;
mod stage;

use tokio::sync::Mutex;

use crate::operations::dashboard::panel_queries;
use crate::support::docker::DockerEngine;
use crate::support::host::can_run;
use crate::support::lxc::LxcContainer;
use crate::support::{http_get, wait_for};
use stage::{Exporter, Plan, ROUND, Stage, ask, series};

/// These tests need the host's CPU for themselves: one at a time.
static HOST: Mutex<()> = Mutex::const_new(());

const PROGRAMS: [&str; 4] = ["dockerd", "docker", "prometheus", "prometheus-alertmanager"];

/// Burns a CPU until the file /stop appears.
const BURN: &str = "rm -f /tmp/stop; while [ ! -e /tmp/stop ]; do :; done";

/// Short waits, and a shrink that goes all the way at once.
const CPU: &str = "  scale:
    cpu: {min: 0.5, max: 1.5}
policy: {threshold: {smoothing_factor: 1}}
guard: {cooldown_up: 10s, cooldown_down: 15s, stabilization_down: 15s, max_shrink_ratio: 0.9}";

/// `settings` with the test's engine.
fn with_docker(settings: &str, socket: &std::path::Path) -> String {
    format!("{settings}\nactuators: {{docker: {{socket: '{}', timeout: 1h}}}}", socket.display())
}

async fn quota_above(cores: f64, read: impl Fn() -> Option<f64>, stage: &Stage) -> f64 {
    wait_for(&format!("a quota above {cores} cores"), ROUND, async || match read() {
        Some(quota) if quota > cores + 1e-6 => Ok(quota),
        other => Err(format!("{other:?}; the scaler says: {}", stage.scaler.log())),
    })
    .await
}

async fn quota_is(cores: f64, read: impl Fn() -> Option<f64>, stage: &Stage) {
    wait_for(&format!("a quota of {cores} cores"), ROUND, async || match read() {
        Some(quota) if (quota - cores).abs() < 1e-6 => Ok(()),
        other => Err(format!("{other:?}; the scaler says: {}", stage.scaler.log())),
    })
    .await;
}

fn throttled(name: &str) -> String {
    format!(
        "rate(container_cpu_cfs_throttled_periods_total{{name=\"{name}\"}}[15s]) \
         / rate(container_cpu_cfs_periods_total{{name=\"{name}\"}}[15s])"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saturated_container_gets_cpu_and_gives_it_back() {
    if !can_run("the closed loop", &PROGRAMS) {
        return;
    }
    let _alone = HOST.lock().await;
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let shop = engine.run("shop", &["--cpus", "0.5"], &["sleep", "900"]);
    let exporter = Exporter::start(Some(&engine.data_root())).await;
    let settings = with_docker(CPU, &engine.socket());
    let plan = Plan {
        mode: "enforce",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "5s",
    };
    let mut stage = Stage::start(&exporter, "shop", &plan).await;
    assert_eq!(shop.cpu_cores(), Some(0.5));

    engine.exec_detached(&shop, BURN);
    let before = wait_for("throttling", ROUND, async || {
        match ask(&stage.prometheus, &throttled("shop")).await? {
            share if share > 0.5 => Ok(share),
            share => Err(format!("throttled in {share} of the periods")),
        }
    })
    .await;
    stage.scaler.wait_above("loadline_webhooks_total", &["accepted"], 0.0).await;
    let raised = quota_above(0.5, || shop.cpu_cores(), &stage).await;
    assert!(raised <= 1.5, "beyond the bounds: {raised}");
    stage.scaler.wait_above("loadline_actions_total", &["\"cpu\"", "\"applied\""], 0.0).await;
    stage.scaler.wait_above("loadline_anomaly_score", &["name=\"shop\""], 0.0).await;
    // One CPU's worth of load needs no more than the quota it has at the end.
    quota_above(1.0, || shop.cpu_cores(), &stage).await;
    wait_for("throttling to fall", ROUND, async || {
        match ask(&stage.prometheus, &throttled("shop")).await? {
            share if share < before / 2.0 => Ok(()),
            share => Err(format!("throttled in {share} of the periods, before {before}")),
        }
    })
    .await;

    engine.docker(&["exec", "shop", "touch", "/tmp/stop"]);
    quota_is(0.5, || shop.cpu_cores(), &stage).await;
    let suggestions = std::fs::read_to_string(stage.scaler.folder.path().join("suggestions.json"));
    let suggestions = suggestions.expect("a log of suggestions");
    assert!(
        suggestions.contains("Scale Up") && suggestions.contains("Scale Down"),
        "{suggestions}"
    );
    stage.scaler.prove();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_alone_starts_a_decision() {
    if !can_run("the alert as a trigger", &PROGRAMS) {
        return;
    }
    let _alone = HOST.lock().await;
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let shop = engine.run("shop", &["--cpus", "0.5"], &["sleep", "900"]);
    let exporter = Exporter::start(Some(&engine.data_root())).await;
    // The clock ticks once, before there is any load; all that follows is the webhook's doing.
    let settings = with_docker(CPU, &engine.socket());
    let plan = Plan {
        mode: "enforce",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "1h",
    };
    let stage = Stage::start(&exporter, "shop", &plan).await;
    wait_for("the first look", ROUND, async || {
        match http_get(&format!("{}/-/ready", stage.scaler.url)).await?.status {
            200 => Ok(()),
            status => Err(format!("{status}")),
        }
    })
    .await;

    engine.exec_detached(&shop, BURN);
    quota_above(0.5, || shop.cpu_cores(), &stage).await;
    let intents = stage.scaler.journal().to_vec();
    let text = serde_json::to_string(&intents).expect("json");
    assert!(text.contains("ContainerCpuSaturated"), "the journal lacks the alert: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_raised_before_it_runs_out() {
    if !can_run("the closed loop of memory", &PROGRAMS) {
        return;
    }
    let _alone = HOST.lock().await;
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let limits = ["--memory", "64m", "--memory-swap", "64m"];
    let shop = engine.run("shop", &limits, &["sleep", "900"]);
    let exporter = Exporter::start(Some(&engine.data_root())).await;
    let settings = "  scale:\n    memory: {min: 64MiB, max: 256MiB}";
    let settings = with_docker(settings, &engine.socket());
    let plan = Plan {
        mode: "enforce",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "5s",
    };
    let stage = Stage::start(&exporter, "shop", &plan).await;

    engine.docker(&["exec", "shop", "dd", "if=/dev/zero", "of=/dev/shm/full", "bs=1M", "count=54"]);
    wait_for("a higher limit", ROUND, async || match shop.memory_bytes() {
        Some(bytes) if bytes >= 100 << 20 => Ok(()),
        other => Err(format!("{other:?}; the scaler says: {}", stage.scaler.log())),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saturated_lxc_container_gets_cpu() {
    if !can_run("the closed loop of LXC", &["lxc-start", "prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let _alone = HOST.lock().await;
    let name = format!("loadline-test-{}", std::process::id());
    let container = LxcContainer::start(&name, "lxc.cgroup.cpu.cfs_quota_us = 50000\n");
    let exporter = Exporter::start(None).await;
    let settings =
        format!("{CPU}\nactuators: {{lxc: {{path: '{}'}}}}", container.lxcpath().display());
    let plan =
        Plan { mode: "enforce", actuator: "lxc", settings: &settings, evaluation_interval: "5s" };
    let stage = Stage::start(&exporter, &name, &plan).await;
    assert_eq!(container.cpu_cores(), Some(0.5));

    container.run(&format!("({BURN}) >/dev/null 2>&1 </dev/null &"));
    quota_above(0.5, || container.cpu_cores(), &stage).await;
    // The file follows the running container.
    wait_for("the raise in the file, where a restart finds it", ROUND, async || {
        let config = std::fs::read_to_string(container.config_file()).expect("readable");
        match config.contains("cfs_quota_us = 50000\n") {
            true => Err(config),
            false => Ok(()),
        }
    })
    .await;

    container.run("touch /tmp/stop");
    quota_is(0.5, || container.cpu_cores(), &stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observing_changes_nothing_and_publishes_the_same() {
    if !can_run("observing", &PROGRAMS) {
        return;
    }
    let _alone = HOST.lock().await;
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let limits = ["--cpus", "0.5", "--memory", "256m"];
    let shop = engine.run("shop", &limits, &["sleep", "900"]);
    let exporter = Exporter::start(Some(&engine.data_root())).await;
    let both = CPU.replace("max: 1.5}", "max: 1.5}\n    memory: {min: 64MiB, max: 512MiB}");
    let settings = with_docker(&both, &engine.socket());
    let plan = Plan {
        mode: "observe",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "5s",
    };
    let stage = Stage::start(&exporter, "shop", &plan).await;

    engine.exec_detached(&shop, BURN);
    let cpu = ["name=\"shop\"", "dimension=\"cpu\""];
    stage.scaler.wait_above("loadline_desired", &cpu, 0.5).await;
    stage.scaler.wait_above("loadline_webhooks_total", &["accepted"], 0.0).await;
    stage.scaler.wait_above("loadline_anomaly_score", &["name=\"shop\""], 0.0).await;
    the_dashboard_shows_it(&stage).await;
    stage.scaler.wait_ticks(3).await;
    assert_eq!(shop.cpu_cores(), Some(0.5));
    assert_eq!(stage.scaler.metric("loadline_current", &cpu).await, Ok(0.5));
    for result in ["applied", "rolled_back", "failed", "superseded"] {
        let labels = ["\"cpu\"", &format!("\"{result}\"")];
        assert_eq!(
            stage.scaler.metric("loadline_actions_total", &labels).await,
            Ok(0.0),
            "{result}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_nothing_moves_down() {
    if !can_run("missing answers", &PROGRAMS) {
        return;
    }
    let _alone = HOST.lock().await;
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let idle = engine.run("shop", &["--cpus", "1.5"], &["sleep", "900"]);
    let mut exporter = Some(Exporter::start(Some(&engine.data_root())).await);
    let settings = CPU.replace("stabilization_down: 15s", "stabilization_down: 60s");
    let settings = with_docker(&settings, &engine.socket());
    let plan = Plan {
        mode: "enforce",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "1s",
    };
    let mut stage = Stage::start(exporter.as_ref().expect("running"), "shop", &plan).await;
    let cpu = ["name=\"shop\"", "dimension=\"cpu\""];
    stage.scaler.wait_above("loadline_current", &cpu, 1.0).await;

    // First the samples end: they grow stale, then the answers are empty. Then nobody answers.
    drop(exporter.take());
    // 20 s is the configured age from which a sample is stale.
    stage.scaler.wait_above("loadline_input_freshness_seconds", &["name=\"shop\""], 20.0).await;
    stage.scaler.wait_ticks(60).await;
    assert_eq!(idle.cpu_cores(), Some(1.5), "shrunk on empty answers: {}", stage.scaler.log());
    stage.prometheus.stop().await;
    stage.scaler.wait_above("loadline_query_failures_total", &[], 0.0).await;
    engine.exec_detached(&idle, BURN);
    stage.scaler.wait_ticks(20).await;
    assert_eq!(idle.cpu_cores(), Some(1.5), "shrunk without answers: {}", stage.scaler.log());
}

/// Panels that have nothing to show at most times: while nothing is anomalous, while nothing is held.
const AT_TIMES: [&str; 2] = ["What makes it strange", "Why sizes were held back"];

/// What is told of replicas and forecasts only, of which this stage has none: tests/replicas.rs looks there.
const OF_REPLICAS: [&str; 5] = [
    "loadline_forecast",
    "loadline_short_term_forecast",
    "loadline_arm_",
    "loadline_replicas_ready",
    "dimension=\"replicas\"",
];

/// Every query of the dashboard is answered, and brings data.
async fn the_dashboard_shows_it(stage: &Stage) {
    wait_for("data in every panel", ROUND, async || {
        for query in panel_queries(&[]) {
            let found = series(&stage.prometheus, &query.expr).await?;
            let of_replicas = OF_REPLICAS.iter().any(|part| query.expr.contains(part));
            if found == 0 && !of_replicas && !AT_TIMES.contains(&query.panel.as_str()) {
                return Err(format!("no data for {query:?}"));
            }
        }
        Ok(())
    })
    .await;
}
