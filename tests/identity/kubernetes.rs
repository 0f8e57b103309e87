//! Nodes of Kubernetes.

use super::hosts::host;
use crate::exporter::fixture::{Host, Layout, container_id};

const UID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// The uid of a pod from a file on the node is a hash.
const STATIC: &str = "0f2504e04f8941d39a0c0305e82c3301";

/// containerd's bundle of a container.
fn bundle(host: &Host, state: &str, id: &str, annotations: &[(&str, &str)]) {
    let dir = format!("{state}/io.containerd.runtime.v2.task/k8s.io/{id}");
    host.write(&format!("{dir}/config.json"), &spec("io.kubernetes.cri.", annotations));
    host.write(&format!("{dir}/init.pid"), "4711");
}

fn spec(prefix: &str, annotations: &[(&str, &str)]) -> String {
    let annotations: Vec<String> = annotations
        .iter()
        .map(|(key, value)| format!("{:?}:{value:?}", format!("{prefix}{key}")))
        .collect();
    format!(r#"{{"ociVersion":"1.1.0","annotations":{{{}}}}}"#, annotations.join(","))
}

/// The links and folders of logs that the kubelet makes.
pub fn logs(host: &Host, pod: (&str, &str, &str), containers: &[(&str, &str)]) {
    let (namespace, name, uid) = pod;
    for (container, id) in containers {
        host.write(&format!("var/log/pods/{namespace}_{name}_{uid}/{container}/0.log"), "");
        host.write(&format!("var/log/containers/{name}_{namespace}_{container}-{id}.log"), "");
    }
}

/// Writes what containerd and the kubelet leave of a pod with a sandbox, one container, and one whose
/// bundle tells too little, as in old versions.
fn shop(host: &Host, state: &str, [sandbox, web, sidecar]: [&str; 3]) {
    let pod = [("sandbox-name", "web-0"), ("sandbox-namespace", "shop"), ("sandbox-uid", UID)];
    let with = |more: &[(&'static str, &'static str)]| [pod.as_slice(), more].concat();
    bundle(host, state, sandbox, &with(&[("container-type", "sandbox")]));
    let container = [
        ("container-type", "container"),
        ("container-name", "nginx"),
        ("image-name", "docker.io/library/nginx:1.27"),
    ];
    bundle(host, state, web, &with(&container));
    bundle(host, state, sidecar, &[("container-type", "container")]);
    logs(host, ("shop", "web-0", UID), &[("nginx", web), ("side-car", sidecar)]);
}

pub fn containerd() -> Host {
    let [sandbox, web, sidecar, etcd] = [1, 2, 3, 4].map(container_id);
    let pod = format!("/kubepods/burstable/pod{UID}");
    let host = host(
        Layout::Hybrid,
        &[
            "/kubepods".to_owned(),
            "/kubepods/burstable".to_owned(),
            pod.clone(),
            format!("{pod}/{sandbox}"),
            format!("{pod}/{web}"),
            format!("{pod}/{sidecar}"),
            format!("/kubepods/pod{STATIC}"),
            format!("/kubepods/pod{STATIC}/{etcd}"),
        ],
    );
    let toml = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"registry.k8s.io/pause:3.9\"\n";
    host.write("etc/containerd/config.toml", toml);
    shop(&host, "run/containerd", [&sandbox, &web, &sidecar]);
    // Nothing but the logs: as an ordinary user sees it.
    logs(&host, ("kube-system", "etcd-node1", STATIC), &[("etcd", &etcd)]);
    host
}

/// As seen from within the node; systemd's slices have a prefix.
pub fn kind() -> Host {
    let [sandbox, web, sidecar] = [1, 2, 3].map(container_id);
    let top = "/kubelet.slice/kubelet-kubepods.slice";
    let pod = format!(
        "{top}/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{}.slice",
        UID.replace('-', "_")
    );
    let host = host(
        Layout::V2,
        &[
            top.to_owned(),
            pod.clone(),
            format!("{pod}/cri-containerd-{sandbox}.scope"),
            format!("{pod}/cri-containerd-{web}.scope"),
            format!("{pod}/cri-containerd-{web}.scope/init.scope"),
            format!("{pod}/cri-containerd-{sidecar}.scope"),
        ],
    );
    let toml = "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'registry.k8s.io/pause:3.10'\n";
    host.write("etc/containerd/config.toml", toml);
    shop(&host, "run/containerd", [&sandbox, &web, &sidecar]);
    host
}

pub fn crio() -> Host {
    let [sandbox, web] = [1, 2].map(container_id);
    let pod = format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice",
        UID.replace('-', "_")
    );
    let host = host(
        Layout::V2,
        &[
            "/kubepods.slice".to_owned(),
            "/kubepods.slice/kubepods-burstable.slice".to_owned(),
            pod.clone(),
            format!("{pod}/crio-{sandbox}.scope"),
            format!("{pod}/crio-{web}.scope"),
            format!("{pod}/crio-{web}.scope/container"),
            format!("{pod}/crio-conmon-{web}.scope"),
        ],
    );
    host.write("etc/containers/storage.conf", "[storage]\nrunroot = \"/run/crio-storage\"\n");
    let container = |id: &str, container: &str, name: &str, more: &[(&str, &str)]| {
        let labels = format!(
            r#"{{"io.kubernetes.container.name":"{container}","io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"{UID}","app":"web"}}"#
        );
        let name = format!("k8s_{name}_shop_{UID}_0");
        let own = [
            ("Name", name.as_str()),
            ("Labels", labels.as_str()),
            ("Namespace", "shop"),
            ("Created", "2026-01-01T12:59:59.50092793+01:00"),
        ];
        let dir = format!("run/crio-storage/overlay-containers/{id}/userdata");
        let text = spec("io.kubernetes.cri-o.", &[own.as_slice(), more].concat());
        host.write(&format!("{dir}/config.json"), &text);
        host.write(&format!("{dir}/pidfile"), "4711");
    };
    let pause = [
        ("ContainerType", "sandbox"),
        ("KubeName", "web-0"),
        ("Image", "registry.k8s.io/pause:3.9"),
    ];
    container(&sandbox, "POD", "web-0", &pause);
    let web_image = [
        ("ContainerType", "container"),
        ("Image", "9f81"),
        ("ImageName", "docker.io/library/nginx:1.27"),
        ("ImageRef", "sha256:9f81"),
    ];
    container(&web, "nginx", "nginx_web-0", &web_image);
    logs(&host, ("shop", "web-0", UID), &[("nginx", &web)]);
    host
}

pub fn docker() -> Host {
    let [sandbox, web] = [1, 2].map(container_id);
    let pod = format!("/kubepods/burstable/pod{UID}");
    let host =
        host(Layout::Hybrid, &[pod.clone(), format!("{pod}/{sandbox}"), format!("{pod}/{web}")]);
    for (id, container) in [(&sandbox, "POD"), (&web, "nginx")] {
        let labels = format!(
            r#""io.kubernetes.container.name":"{container}","io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop""#
        );
        host.docker(id, &format!("k8s_{container}_web-0_shop_{UID}_0"), "nginx:1.27", &labels);
    }
    logs(&host, ("shop", "web-0", UID), &[("nginx", &web)]);
    host
}
