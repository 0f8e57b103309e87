//! One target a container: discovery over HTTP and as a file, and scrapes of a part of the host.

use std::collections::BTreeSet;
use std::fs;

use loadline::exporter::{Collector, Scope, Scrape};
use loadline::units::Timestamp;
use loadline::web::Format;
use serde_json::Value;

use crate::exporter::fixture::{Host, Layout, container_id};
use crate::support::{PATIENCE, Process, Prometheus, http_get, loadline, wait_for};

/// Two Docker containers, one of them with cgroups inside and one whose name begins like it; one of LXC;
/// a service.
fn host() -> Host {
    let host = Host::new(Layout::V1);
    let (web, db) = (container_id(1), container_id(2));
    host.docker(&web, "web", "example:1", r#""tier":"front""#);
    host.docker(&db, "db", "example:2", "");
    for (n, path) in [
        "/docker".to_owned(),
        format!("/docker/{web}"),
        format!("/docker/{web}/inner"),
        format!("/docker/{web}/inner/most"),
        format!("/docker/{db}"),
        "/lxc.payload.a".to_owned(),
        "/lxc.payload.a-b".to_owned(),
        "/lxc.payload.a/init.scope".to_owned(),
        "/system.slice".to_owned(),
        "/system.slice/ssh.service".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        host.group(path, n as u64 + 2);
    }
    host.settle();
    host
}

fn series(collector: &mut Collector, scope: &str) -> Vec<String> {
    let scope = if scope.is_empty() { Scope::Everything } else { scope.parse().expect("a scope") };
    collector.collect_for(Timestamp::default(), &Scrape { scope, ..Scrape::default() });
    let mut out = Vec::new();
    collector.render(Format::Text, &mut out).expect("in memory");
    let text = String::from_utf8(out).expect("UTF-8");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    // How a scrape went is told by each.
    let own = ["loadline_scrape_", "container_scrape_error", "process_"];
    let lasting = samples.filter(|line| !own.iter().any(|start| line.starts_with(start)));
    lasting.map(str::to_owned).collect()
}

#[test]
fn the_parts_make_up_the_whole() {
    let host = host();
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    let whole: BTreeSet<String> = series(&mut collector, "").into_iter().collect();
    let mut parts: Vec<String> = series(&mut collector, "host");
    assert!(parts.iter().any(|line| line.starts_with("machine_memory_bytes")));
    assert!(parts.iter().any(|line| line.contains("/system.slice/ssh.service")));
    assert!(!parts.iter().any(|line| line.contains("/lxc.payload.a")));
    let groups = collector.targets("localhost:1", "/metrics");
    let paths: Vec<&str> =
        groups.iter().map(|group| group.labels["__param_target"].as_str()).collect();
    let (web, db) = (container_id(1), container_id(2));
    let (web, db) = (format!("/docker/{web}"), format!("/docker/{db}"));
    assert_eq!(paths, ["host", &web, &db, "/lxc.payload.a", "/lxc.payload.a-b"]);
    for path in &paths[1..] {
        let part = series(&mut collector, path);
        assert!(part.iter().all(|line| line.contains(&format!("id=\"{path}"))), "{path}");
        parts.extend(part);
    }
    assert_eq!(parts.len(), whole.len(), "no series is in two parts");
    assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), whole);
    assert_eq!(series(&mut collector, "/docker/nobody"), Vec::<String>::new());
}

async fn start(host: &Host, arguments: &[&str]) -> (Process, String) {
    let options = host.options();
    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0"]).args(arguments);
    for (flag, path) in
        [("procfs", options.procfs), ("sysfs", options.sysfs), ("rootfs", options.rootfs)]
    {
        command.arg(format!("--path.{flag}={}", path.display()));
    }
    let mut exporter = Process::spawn("exporter", command);
    let address = exporter.wait_address(PATIENCE).await;
    (exporter, address)
}

#[tokio::test]
async fn targets_are_told_to_those_who_ask() {
    let host = host();
    let (_exporter, address) = start(&host, &[]).await;
    let get =
        async |path: &str| http_get(&format!("http://{address}{path}")).await.expect("answers");
    let reply = get("/sd").await;
    assert_eq!(reply.header("content-type"), "application/json");
    let groups: Vec<Value> = serde_json::from_str(reply.text()).expect("JSON");
    assert_eq!(groups[0]["targets"][0], Value::from(address.clone()));
    let labels = &groups[1]["labels"];
    for (name, value) in [
        ("instance", format!("{address}/web")),
        ("__metrics_path__", "/metrics".into()),
        ("__meta_loadline_name", "web".into()),
        ("__meta_loadline_image", "example:1".into()),
        ("__meta_loadline_runtime", "docker".into()),
        ("__meta_loadline_container_label_tier", "front".into()),
    ] {
        assert_eq!(labels[name], Value::from(value), "{labels}");
    }
    let other: Vec<Value> =
        serde_json::from_str(get("/sd?address=example:9").await.text()).expect("JSON");
    assert_eq!(other[0]["targets"][0], "example:9");
    assert_eq!(get("/metrics?target=docker").await.status, 400);
    let nobody = get("/metrics?target=/docker/nobody").await;
    assert_eq!(nobody.status, 404, "{}", nobody.text());
}

/// A real Prometheus finds a target a container by both ways, and no two tell the same series.
#[tokio::test]
async fn prometheus_discovers_and_scrapes_each_container() {
    let host = host();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("containers.json");
    // The file needs the address before the kernel chose one, so the name stands for itself.
    let port = crate::support::free_port();
    let file_flag = format!("--sd.file={}", file.display());
    let address_flag = format!("--sd.address=127.0.0.1:{port}");
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let (_exporter, address) = start(&host, &[&file_flag, &address_flag, &listen]).await;
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n\
         - job_name: http\n  http_sd_configs: [{{url: 'http://{address}/sd?address=127.0.0.1:{port}', refresh_interval: 1s}}]\n\
         - job_name: file\n  file_sd_configs: [{{files: ['{}']}}]\n",
        file.display()
    );
    let prometheus = Prometheus::start(&config, "").await;
    let up = async |job: &str, expected: usize| {
        let query = format!(
            "{}/api/v1/query?query=sum_over_time(up{{job=%22{job}%22}}[1m])>1",
            prometheus.url
        );
        wait_for("all targets to be up", PATIENCE, async || {
            let reply = http_get(&query).await?;
            let found = reply.text().matches("\"instance\"").count();
            if found == expected { Ok(()) } else { Err(reply.text().to_owned()) }
        })
        .await;
    };
    up("http", 5).await;
    up("file", 5).await;
    // A container more is found without a restart: the file follows at the next scrape of any target.
    let id = container_id(3);
    host.docker(&id, "cache", "example:3", "");
    host.group(&format!("/docker/{id}"), 30);
    up("http", 6).await;
    up("file", 6).await;
    let text = fs::read_to_string(&file).expect("there");
    assert!(text.contains("\"__meta_loadline_name\": \"cache\""), "{text}");
    let query = format!(
        "{}/api/v1/query?query=count(container_memory_usage_bytes{{job=%22http%22}})%20by%20(id)>1",
        prometheus.url
    );
    let twice = http_get(&query).await.expect("answers");
    assert!(twice.text().contains("\"result\":[]"), "{}", twice.text());
}
