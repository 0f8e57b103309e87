//! Room taken in file systems, by containers of a real engine.

use std::time::Duration;

use loadline::exporter::{Collector, Options};
use loadline::metric_set::{MetricSet, MetricSets};

use super::{find, scrape};
use crate::support::docker::DockerEngine;
use crate::support::host::{can_run, output};
use crate::support::{PATIENCE, wait_for};

const USED: &str = "container_fs_usage_bytes";

fn collector(disk_walk_interval: Duration) -> Collector {
    let sets = MetricSets::of(&[MetricSet::Disk]);
    Collector::new(Options { sets, disk_walk_interval, ..Options::default() }).expect("cgroups")
}

#[test]
fn the_host_tells_how_full_it_is() {
    let mut collector = collector(Duration::ZERO);
    let told = scrape(&mut collector);
    let shown = output("df", &["--block-size=1", "--output=source,size,fstype", "/"]);
    let mut words = shown.lines().nth(1).expect("a line").split_whitespace();
    let (source, size) = (words.next().expect("a source"), words.next().expect("a size"));
    let limits = find(&told, "container_fs_limit_bytes", "id=\"/\"");
    let device = format!("device=\"{source}\"");
    if source.starts_with("/dev/") && limits.iter().any(|(name, _)| name.contains(&device)) {
        let limit = limits.iter().find(|(name, _)| name.contains(&device)).expect("just seen");
        assert_eq!(limit.1, size.parse::<f64>().expect("a number"));
    } else {
        // A tmpfs or an overlay as root: none of ours.
        assert!(!shown.contains("ext4"), "{shown} {limits:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layer_of_a_docker_container_is_walked() {
    if !can_run("sizes of Docker containers", &["dockerd", "docker", "du"]) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let driver = engine.docker(&["info", "--format", "{{.Driver}}"]);
    if driver != "overlay2" {
        eprintln!("skipped: the engine uses {driver}");
        return;
    }
    let write = "dd if=/dev/zero of=/file bs=1M count=9; exec sleep 600";
    let container = engine.run("writer", &[], &["sh", "-c", write]);
    let mut collector = collector(Duration::from_millis(50));
    let id = container.id.clone();
    let used = wait_for("nine MiB", PATIENCE, async || {
        let told = scrape(&mut collector);
        match find(&told, USED, &id)[..] {
            [(_, used)] if used >= f64::from(9 << 20) => Ok(used),
            ref other => Err(format!("{other:?}")),
        }
    })
    .await;
    let layer = engine.docker(&["inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", &id]);
    let du = output("du", &["-s", "-x", "--block-size=1", &layer]);
    let counted: f64 = du.split_whitespace().next().expect("a number").parse().expect("a number");
    assert!((used - counted).abs() <= 65_536.0, "{used} {du}");
    let told = scrape(&mut collector);
    assert_eq!(find(&told, "loadline_container_fs_usage_age_seconds", &id).len(), 1);
    let limit = find(&told, "container_fs_limit_bytes", &id);
    assert!(limit.len() == 1 && limit[0].1 > used, "{limit:?}");

    // Without walks there is no size, and nothing else changes.
    let told = scrape(&mut self::collector(Duration::ZERO));
    assert_eq!(find(&told, USED, &id), []);
    assert_eq!(find(&told, "container_fs_limit_bytes", &id), limit);
}
