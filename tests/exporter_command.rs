//! `loadline exporter` as a host runs it and as Prometheus sees it.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::exporter::fixture::{Host, Layout, container_id};
use crate::exporter::without_cadvisors_names;
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

/// An exporter of a host made of files.
async fn start_on(host: &Host, arguments: &[&str]) -> (Process, String) {
    let folders = [("procfs", "proc"), ("sysfs", "sys"), ("rootfs", "")];
    let paths =
        folders.map(|(flag, inside)| format!("--path.{flag}={}", host.path(inside).display()));
    let all: Vec<&str> =
        paths.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    start(&all).await
}

/// The values of `label` on the series of a family, in the order of the exposition.
fn values(exposition: &str, family: &str, label: &str) -> Vec<String> {
    let start = format!("{family}{{");
    let series = exposition.lines().filter(|line| line.starts_with(&start));
    let value = |line: &str| {
        let rest = line.split_once(&format!("{label}=\""))?.1;
        Some(rest.split('"').next()?.to_owned())
    };
    series.filter_map(value).collect()
}

fn docker_host() -> Host {
    let host = Host::new(Layout::V2);
    for (n, name) in [(2, "web"), (3, "db")] {
        let id = container_id(n);
        host.docker(&id, name, "example:1", r#""tier":"front","team":"a""#);
        host.group(&format!("/system.slice/docker-{id}.scope"), u64::from(n));
    }
    host.group("/system.slice/ssh.service", 4);
    host
}

async fn scrape(arguments: &[&str]) -> String {
    let host = docker_host();
    let (_exporter, url) = start_on(&host, arguments).await;
    http_get(&format!("{url}/metrics")).await.expect("an answer").text().to_owned()
}

#[tokio::test]
async fn collectors_are_switched_by_flags_and_asked_for_by_scrapes() {
    let flags = ["--collector.hugetlb", "--no-collector.pressure"];
    let host = docker_host();
    let (_exporter, url) = start_on(&host, &flags).await;
    let get =
        async |query: &str| http_get(&format!("{url}/metrics{query}")).await.expect("answers");
    let families = [
        "container_cpu_user_",
        "container_memory_rss",
        "container_pressure_",
        "container_hugetlb_",
    ];
    let has = |text: &str| families.map(|family| text.lines().any(|line| line.starts_with(family)));
    assert_eq!(has(get("").await.text()), [true, true, false, true]);
    let some = get("?collect[]=cpu&collect%5B%5D=pressure").await;
    assert_eq!(has(some.text()), [true, false, false, false], "what is off stays off");
    assert_eq!(has(get("?exclude[]=memory").await.text()), [true, false, false, true]);
    for bad in ["?collect[]=cpu&exclude[]=memory", "?collect[]=disc"] {
        let reply = get(bad).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text());
    }
    assert_eq!(has(get("").await.text()), [true, true, false, true], "a scrape asks for itself");
    let few = scrape(&["--collector.disable-defaults", "--collector.cpu"]).await;
    assert_eq!(has(&few), [true, false, false, false]);
}

#[tokio::test]
async fn cgroups_are_chosen_by_path_runtime_and_name() {
    let shown = async |arguments: &[&str]| {
        let text = scrape(arguments).await;
        let ids = values(&text, "container_last_seen", "id");
        let short = |id: String| match id.strip_prefix("/system.slice/docker-0000000") {
            Some(rest) => rest[..1].to_owned(),
            None => id,
        };
        ids.into_iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(shown(&[]).await, ["/", "/system.slice", "2", "3", "/system.slice/ssh.service"]);
    assert_eq!(
        shown(&["--cgroup.include=/system.slice/.*"]).await,
        ["2", "3", "/system.slice/ssh.service"]
    );
    assert_eq!(
        shown(&["--cgroup.exclude=/system.slice"]).await,
        ["/", "2", "3", "/system.slice/ssh.service"]
    );
    assert_eq!(shown(&["--cgroup.exclude=/system.slice(/.*)?"]).await, ["/"]);
    assert_eq!(shown(&["--runtime.include=docker,raw"]).await, ["/", "2", "3"]);
    assert_eq!(
        shown(&["--runtime.exclude=docker"]).await,
        ["/", "/system.slice", "/system.slice/ssh.service"]
    );
    assert_eq!(shown(&["--name.include=w.b"]).await, ["2"]);
    assert_eq!(shown(&["--name.exclude=web", "--docker-only"]).await, ["/", "3"]);
    let also = ["--docker-only", "--docker-only.also=/system.slice/ssh", "--cgroup.exclude=/"];
    assert_eq!(shown(&also).await, ["2", "3", "/system.slice/ssh.service"]);
}

#[tokio::test]
async fn wrong_flags_are_refused_with_a_reason() {
    for (flag, reason) in [
        ("--cgroup.include=(", "not a regular expression"),
        ("--runtime.include=doker", "expected one of docker, "),
        ("--collector.disc", "unexpected argument"),
        ("--compat=telegraf", "cadvisor"),
        ("--disable_metrics=disc", "no such collector"),
        ("-no_such_flag", "unexpected argument"),
    ] {
        let mut command = loadline();
        command.args(["exporter", "--web.listen-address=127.0.0.1:0", flag]);
        let mut exporter = Process::spawn("exporter", command);
        assert_eq!(exporter.wait_exit(PATIENCE).await.code(), Some(2), "{flag}");
        let stderr = exporter.stderr();
        assert!(stderr.contains(reason), "{flag}: {stderr}");
    }
}

#[tokio::test]
async fn labels_of_containers_are_shown_by_name() {
    let tiers = async |arguments: &[&str], family: &str| {
        values(&scrape(arguments).await, family, "container_label_tier").len()
    };
    assert_eq!(tiers(&[], "container_last_seen").await, 0);
    assert_eq!(tiers(&[], "loadline_container_info").await, 2);
    assert_eq!(tiers(&["--labels.allow=tier"], "container_last_seen").await, 2);
    assert_eq!(tiers(&["--labels.allow=*"], "container_last_seen").await, 2);
    assert_eq!(tiers(&["--labels.allow=team"], "container_last_seen").await, 0);
    assert_eq!(tiers(&["--compat=cadvisor"], "container_last_seen").await, 2);
}

#[tokio::test]
async fn flags_of_cadvisor_are_taken_and_noted() {
    let host = docker_host();
    let theirs = [
        "-docker_only",
        "--housekeeping_interval=30s",
        "--disable_metrics=memory,percpu",
        "--store_container_labels=false",
        "--whitelisted_container_labels",
        "tier",
        "-prometheus_endpoint=/theirs",
    ];
    let (exporter, url) = start_on(&host, &theirs).await;
    let text = http_get(&format!("{url}/theirs")).await.expect("an answer").text().to_owned();
    assert_eq!(values(&text, "container_last_seen", "id").len(), 3, "{text}");
    assert_eq!(values(&text, "container_last_seen", "container_label_tier"), ["front", "front"]);
    assert!(!text.contains("container_memory_rss"), "{text}");
    let log = exporter.stderr();
    for part in [
        "--housekeeping_interval is ignored",
        "--docker-only --web.telemetry-path=/theirs",
        "--labels.allow=tier",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[tokio::test]
async fn what_cadvisor_prints_is_printed_where_asked_for() {
    let text = scrape(&["--compat=cadvisor"]).await;
    promtool_is_silent(&without_cadvisors_names(&text));
    for line in
        ["container_cpu_load_average_10s{id=\"/\"} 0", "container_health_state{id=\"/\"} -1"]
    {
        assert!(text.lines().any(|l| l == line), "missing: {line}");
    }
    assert!(text.contains("\ncadvisor_version_info{"), "{text}");
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
