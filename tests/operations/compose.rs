//! The lab. Its images are not built or pulled here: what is checked is that the file hangs together, asks for
//! no more rights than it says, and starts `loadline` in ways that it understands.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{file, list, read, run, text, yaml};
use crate::support::loadline;

const COMPOSE: &str = "docker-compose.yml";

fn services() -> Vec<(String, Value)> {
    let compose = yaml(COMPOSE);
    let services = compose["services"].as_object().expect("services").clone();
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    let expected = [
        "alertmanager",
        "exporter",
        "grafana",
        "load",
        "prometheus",
        "scaler",
        "token",
        "workload",
    ];
    assert_eq!(names, expected.into());
    services.into_iter().collect()
}

fn words(value: &Value) -> Vec<&str> {
    list(value).iter().map(text).collect()
}

#[test]
fn images_have_a_version() {
    for (name, service) in services() {
        let image = text(&service["image"]);
        let (_, tag) =
            image.rsplit_once(':').unwrap_or_else(|| panic!("{name}: {image} has no tag"));
        assert!(!tag.is_empty() && tag != "latest", "{name}: {image}");
    }
}

#[test]
fn services_are_confined() {
    for (name, service) in services() {
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(service["privileged"], Value::Null, "{name}");
        assert_eq!(service["cap_add"], Value::Null, "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["mem_limit"].is_string(), "{name}: a memory limit");
        // Grafana unpacks plugins and writes logs all over its home.
        assert!(service["read_only"] == true || name == "grafana", "{name}: read_only");
        for port in words(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to the network");
        }
        // What runs on and serves is asked whether it is well.
        let serves = !["token", "load"].contains(&name.as_str());
        assert_eq!(service["healthcheck"]["test"].is_array(), serves, "{name}: a health check");
    }
}

#[test]
fn mounts_exist_and_are_read_only_unless_said_here() {
    let writable = [
        "secrets:/secrets",
        "scaler:/var/lib/loadline",
        "/var/run/docker.sock:/var/run/docker.sock",
        "prometheus:/prometheus",
        "alertmanager:/alertmanager",
        "grafana:/var/lib/grafana",
    ];
    let compose = yaml(COMPOSE);
    let volumes = compose["volumes"].as_object().expect("volumes");
    for (name, service) in services() {
        for mount in words(&service["volumes"]) {
            assert!(
                mount.ends_with(":ro") || writable.contains(&mount),
                "{name}: {mount} is writable"
            );
            let source = mount.split(':').next().unwrap_or_default();
            if source.starts_with("./") {
                assert!(file(source).exists(), "{name}: {source} is missing");
            } else if !source.starts_with('/') {
                assert!(
                    volumes.contains_key(source),
                    "{name}: the volume {source} is not declared"
                );
            }
        }
        for (other, condition) in service["depends_on"].as_object().into_iter().flatten() {
            let other_service = &compose["services"][other];
            let known = match text(&condition["condition"]) {
                "service_healthy" => other_service["healthcheck"].is_object(),
                "service_completed_successfully" => other_service["restart"].is_null(),
                _ => false,
            };
            assert!(known, "{name} waits for {other}, {condition}");
        }
    }
}

#[test]
fn loadline_understands_its_command_lines() {
    let mut checked = 0;
    for (name, service) in services() {
        if service["build"].is_null() {
            continue;
        }
        let command = words(&service["command"]);
        // Arguments are read from left to right: a wrong one fails before --help is reached.
        let output = loadline().args(&command).arg("--help").output().expect("loadline runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: loadline {command:?}: {error}");
        checked += 1;
    }
    assert_eq!(checked, 4);
    let output = loadline().args(["exporter", "--no-such-flag", "--help"]).output().expect("runs");
    assert!(!output.status.success(), "a wrong argument is seen");
}

#[test]
fn the_scalers_configuration_is_valid() {
    let output = loadline().args(["check", "config", "lab/loadline.yml"]).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn addresses_agree() {
    let scrape = yaml("prometheus/prometheus.yml");
    let scraped: Vec<&str> = list(&scrape["scrape_configs"])
        .iter()
        .flat_map(|job| list(&job["static_configs"]))
        .flat_map(|group| words(&group["targets"]))
        .collect();
    for (name, service) in services() {
        let listens = words(&service["command"])
            .into_iter()
            .find_map(|argument| argument.strip_prefix("--web.listen-address=:"));
        let Some(port) = listens else { continue };
        let address = format!("{name}:{port}");
        assert!(scraped.contains(&address.as_str()), "prometheus.yml scrapes {address}");
    }
    let routes = read("alertmanager/alertmanager.yml");
    let lab = yaml("lab/loadline.yml");
    assert!(routes.contains("url: http://scaler:10102/api/v1/alerts"));
    let token = text(&lab["web"]["bearer_token_file"]);
    assert!(routes.contains(&format!("credentials_file: {token}")), "one token for both: {token}");
    let workload = &yaml(COMPOSE)["services"]["workload"]["container_name"];
    let discover = text(&lab["targets"][0]["discover"]);
    assert!(discover.contains(&format!("name={workload}")), "{discover} finds {workload}");
}

#[test]
fn the_make_targets_exist() {
    for target in ["up", "test", "lab", "lab-down", "bench", "bench-exporter"] {
        run("make", &["--dry-run", target]);
    }
    assert!(read(".ci/run").contains("make test"));
}
