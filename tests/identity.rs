//! Who the cgroups are on hosts of every runtime, made of the files that the runtimes leave.

#[path = "identity/changes.rs"]
mod changes;
#[path = "identity/hosts.rs"]
mod hosts;
#[path = "identity/kubernetes.rs"]
pub mod kubernetes;

use std::fmt::Write;

use loadline::exporter::{Collector, Entry};
use loadline::identity::Identity;
use loadline::units::Timestamp;
use loadline::web::Format;

use crate::exporter::fixture::Host;
use crate::golden;

const NOW: Timestamp = Timestamp::from_millis(1_767_312_000_250);

/// Compares who the cgroups of a host are, and the labels of their series, with the golden file.
fn check(name: &str, host: &Host) {
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    let snapshot = collector.collect(NOW);
    let mut text = String::new();
    for entry in snapshot.entries() {
        describe(&entry, &mut text);
    }
    assert_eq!(collector.missing_details(), Vec::<String>::new());
    text.push_str("\nSeries\n\n");
    let mut exposition = Vec::new();
    collector.render(Format::Text, &mut exposition).expect("in memory");
    let exposition = String::from_utf8(exposition).expect("UTF-8");
    let series = exposition.lines().filter(|line| line.starts_with("container_last_seen"));
    series.for_each(|line| writeln!(text, "{line}").expect("written"));
    golden::compare(&format!("tests/golden/identity-{name}.txt"), &text);
}

fn describe(entry: &Entry<'_>, text: &mut String) {
    let Identity {
        runtime,
        key,
        name,
        image,
        image_id,
        labels,
        pod,
        namespace,
        container,
        pod_uid,
        ..
    } = entry.identity;
    let Identity { user, pid, created, started, health, restarts, .. } = entry.identity;
    writeln!(text, "{}\n  runtime: {}", entry.path, runtime.name()).expect("written");
    let texts = [
        ("key", key),
        ("name", name),
        ("image", image),
        ("image id", image_id),
        ("namespace", namespace),
        ("pod", pod),
        ("container", container),
        ("pod uid", pod_uid),
        ("user", &user.map(|user| user.to_string())),
        ("pid", &pid.map(|pid| pid.to_string())),
        ("created", &created.map(|at| at.to_string())),
        ("started", &started.map(|at| at.to_string())),
        ("health", &health.map(|health| format!("{health:?}"))),
        ("restarts", &restarts.map(|restarts| restarts.to_string())),
    ];
    for (what, value) in texts {
        if let Some(value) = value {
            writeln!(text, "  {what}: {value}").expect("written");
        }
    }
    for (label, value) in labels {
        writeln!(text, "  label {label}: {value}").expect("written");
    }
}

#[test]
fn docker_of_root() {
    check("docker-cgroupfs", &hosts::docker_cgroupfs());
}

#[test]
fn docker_under_systemd_and_of_users() {
    check("docker-systemd", &hosts::docker_systemd());
}

#[test]
fn podman_of_root_and_of_users() {
    check("podman", &hosts::podman());
}

#[test]
fn containerd_with_ctr_and_nerdctl() {
    check("containerd", &hosts::containerd());
}

#[test]
fn kubernetes_on_containerd() {
    check("kubernetes-containerd", &kubernetes::containerd());
}

#[test]
fn kubernetes_on_crio() {
    check("kubernetes-crio", &kubernetes::crio());
}

#[test]
fn kubernetes_on_docker() {
    check("kubernetes-docker", &kubernetes::docker());
}

#[test]
fn a_node_of_kind() {
    check("kind", &kubernetes::kind());
}

#[test]
fn lxc_and_incus() {
    check("lxc", &hosts::lxc());
}

#[test]
fn proxmox() {
    check("proxmox", &hosts::proxmox());
}

#[test]
fn machines() {
    check("machines", &hosts::machines());
}

#[test]
fn slurm() {
    check("slurm-v1", &hosts::slurm_v1());
    check("slurm-v2", &hosts::slurm_v2());
}
