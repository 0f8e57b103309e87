//! `loadline exporter` as a host runs it and as Prometheus sees it.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::support::{
    PATIENCE, Process, Reply, free_port, http_get, http_get_with, loadline, promtool_is_silent,
    wait_for,
};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,*/*;q=0.1";

async fn start(arguments: &[&str]) -> (Process, String) {
    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0"]).args(arguments);
    let mut exporter = Process::spawn("exporter", command);
    let address = exporter.wait_address(PATIENCE).await;
    (exporter, format!("http://{address}"))
}

#[tokio::test]
async fn metrics_of_this_host_in_both_formats() {
    let (_exporter, url) = start(&[]).await;
    let metrics = format!("{url}/metrics");
    let text = http_get(&metrics).await.expect("an answer");
    assert_eq!(
        (text.status, text.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    // The root group is on every host that has cgroups at all.
    let root = "container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\"} ";
    assert!(text.text().lines().any(|line| line.starts_with(root)), "{}", text.text());

    let open = http_get_with(&metrics, &[("accept", OPEN_METRICS)]).await.expect("an answer");
    assert_eq!(
        open.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(open.text().ends_with("\n# EOF\n"), "{}", open.text());

    let small = http_get_with(&metrics, &[("accept-encoding", "gzip")]).await.expect("an answer");
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(small.body.len() * 2 < text.body.len(), "{} bytes", small.body.len());
}

#[tokio::test]
async fn promtool_has_nothing_to_say() {
    let (_exporter, url) = start(&[]).await;
    let text = http_get(&format!("{url}/metrics")).await.expect("an answer");
    promtool_is_silent(text.text());
}

#[tokio::test]
async fn pages_for_people_and_supervisors() {
    let (_exporter, url) = start(&["--web.telemetry-path=/deep/er"]).await;
    let get =
        async |path: &str| -> Reply { http_get(&format!("{url}{path}")).await.expect("an answer") };
    for path in ["/healthz", "/-/healthy", "/-/ready", "/deep/er"] {
        assert_eq!(get(path).await.status, 200, "{path}");
    }
    assert_eq!(get("/metrics").await.status, 404);
    let front = get("/").await;
    assert!(front.text().contains("<a href=\"/deep/er\">"), "{}", front.text());
}

#[tokio::test]
async fn both_signals_end_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut exporter, _) = start(&[]).await;
        exporter.signal(signal);
        assert!(exporter.wait_exit(PATIENCE).await.success());
    }
}

#[tokio::test]
async fn a_host_without_cgroups_is_named() {
    let empty = tempfile::tempdir().expect("a folder");
    let [procfs, sysfs] =
        ["procfs", "sysfs"].map(|name| format!("--path.{name}={}", empty.path().display()));
    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0", &procfs, &sysfs]);
    let mut exporter = Process::spawn("exporter", command);
    assert_eq!(exporter.wait_exit(PATIENCE).await.code(), Some(1));
    let stderr = exporter.stderr();
    assert!(stderr.contains(&empty.path().display().to_string()), "{stderr}");
}

#[tokio::test]
async fn out_of_descriptors_it_waits_and_serves_again() {
    let mut command = Command::new("sh");
    let script = "ulimit -n 24; exec \"$0\" exporter --web.listen-address=127.0.0.1:0";
    command.args(["-c", script, env!("CARGO_BIN_EXE_loadline")]);
    let mut exporter = Process::spawn("exporter", command);
    let address = exporter.wait_address(PATIENCE).await;
    let mut crowd = Vec::new();
    for _ in 0..30 {
        crowd.push(TcpStream::connect(&address).await.expect("the kernel's queue has room"));
    }
    exporter.wait_line("cannot accept connections", PATIENCE).await;
    let warnings = exporter.stderr().matches("cannot accept connections").count();
    assert!(warnings < 5, "{warnings} warnings: no pause between them");
    drop(crowd);
    let reply = http_get(&format!("http://{address}/healthz")).await.expect("an answer");
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_real_prometheus_scrapes_it() {
    let (_exporter, url) = start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("prometheus.yml");
    let target = url.trim_start_matches("http://");
    let text = format!(
        "global: {{scrape_interval: 2s, scrape_timeout: 2s}}\n\
         scrape_configs:\n\
         - job_name: loadline\n  static_configs: [{{targets: ['{target}']}}]\n"
    );
    fs::write(&settings, text).expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", settings.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    command.arg(format!("--web.listen-address={address}")).arg("--log.level=debug");
    let prometheus = Process::spawn("prometheus", command);

    let query = "sum_over_time(up[1h]) > 1";
    let query = format!("http://{address}/api/v1/query?query={}", query.replace(' ', "%20"));
    wait_for("two good scrapes", 2 * PATIENCE, async || {
        let reply = http_get(&query).await?;
        let found = reply.text().contains("\"instance\"");
        if found { Ok(()) } else { Err(reply.text().to_owned()) }
    })
    .await;
    let log = prometheus.stderr();
    // A scrape that a busy machine could not finish in time says nothing about what was scraped.
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| line.contains("target=http") || line.contains("level=error"))
        .filter(|line| !line.contains("context deadline exceeded"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
