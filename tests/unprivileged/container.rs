//! In a container: what docs/exporter.md says to start, on a real engine.

use crate::support::docker::{self, DockerEngine, IMAGE};
use crate::support::host::{can_run, output};
use crate::support::{PATIENCE, loadline, wait_for};

use super::{project_file, samples};

/// What the container may do, as in docs/exporter.md.
const CONFINED: [&str; 6] = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=0:0",
    "--pid=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro",
];
const NAMES: &str = "/var/lib/docker/containers:/host/var/lib/docker/containers:ro";

#[tokio::test]
async fn a_read_only_container_without_capabilities_tells_of_another() {
    let programs = [&docker::PROGRAMS[..], &["ip", "nsenter", "ldd"]].concat();
    if !can_run("the exporter in a container", &programs) {
        return;
    }
    let page = project_file("docs/exporter.md");
    for option in CONFINED.iter().copied().chain([NAMES]) {
        assert!(page.contains(option), "docs/exporter.md does not say {option}");
    }
    let engine = DockerEngine::start().await;
    let program = loadline().get_program().to_owned();
    engine.import_busybox(&[(program.as_ref(), "/bin/loadline")]);
    let shop = engine.run("shop", &["--memory=64m"], &["sleep", "600"]);
    // An interface of its own: both ends go with the container.
    let pid = engine.docker(&["inspect", "--format", "{{.State.Pid}}", "shop"]);
    let target = format!("--target={pid}");
    let link = ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"];
    output("nsenter", &[&[target.as_str(), "--net", "--"][..], &link].concat());

    let data = engine.data_root().display().to_string();
    let names = format!("--volume={}", NAMES.replacen("/var/lib/docker", &data, 1));
    let start = ["run", "--detach", "--name=exporter", "--network=none", &names];
    let command = [IMAGE, "loadline", "exporter", "--path.rootfs=/host"];
    let listen = ["--web.listen-address=127.0.0.1:10101"];
    engine.docker(&[&start[..], &CONFINED, &command, &listen].concat());

    // It has no network but its own loopback: it is asked from inside.
    let get = ["exec", "exporter", "wget", "-qO-", "http://127.0.0.1:10101/metrics"];
    let text = wait_for("the exporter to answer", PATIENCE, async || engine.try_docker(&get)).await;
    let told = samples(&text, "name", "shop");
    for family in [
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "container_network_receive_bytes_total",
        "container_processes",
        "loadline_container_info",
    ] {
        let mut found = told.iter().filter(|(name, _)| name == family).peekable();
        assert!(found.peek().is_some(), "{family} is missing");
        assert!(found.all(|(_, labels)| labels["id"] == shop.cgroup()));
    }
    let failed: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with("loadline_scrape_collector_success") && l.ends_with(" 0"))
        .collect();
    assert_eq!(failed, Vec::<&str>::new());
    let log = || {
        let socket = format!("unix://{}", engine.socket().display());
        output("sh", &["-c", "docker --host \"$0\" logs exporter 2>&1", &socket])
    };
    let said = log();
    assert!(said.contains("listening") && !said.contains("PID namespace"), "{said}");

    // Without the host's processes it runs too, with less, and says what is missing.
    engine.docker(&["rm", "--force", "exporter"]);
    let apart: Vec<&str> = CONFINED.into_iter().filter(|option| *option != "--pid=host").collect();
    engine.docker(&[&start[..], &apart, &command, &listen].concat());
    let text = wait_for("the exporter to answer", PATIENCE, async || engine.try_docker(&get)).await;
    let told = samples(&text, "name", "shop");
    let has = |family: &str| told.iter().any(|(name, _)| name == family);
    assert!(has("container_memory_working_set_bytes"));
    assert!(!has("container_network_receive_bytes_total"));
    let said = log();
    assert!(said.contains("--pid=host"), "{said}");
}
