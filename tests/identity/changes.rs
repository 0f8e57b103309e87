//! Names that come late, change, or cannot be read.

use std::fs;

use loadline::exporter::Collector;
use loadline::identity::{Identity, Runtime};

use super::NOW;
use super::hosts::{ADA, host, podman_entry, users};
use super::kubernetes::logs;
use crate::exporter::fixture::{Host, Layout, container_id};

fn collector(host: &Host) -> Collector {
    Collector::new(host.options()).expect("cgroups are there")
}

fn scrape(collector: &mut Collector, path: &str) -> Identity {
    let snapshot = collector.collect(NOW);
    snapshot.entries().find(|entry| entry.path == path).expect("is there").identity.clone()
}

fn labels(collector: &Collector) -> String {
    let mut text = Vec::new();
    collector.render(loadline::web::Format::Text, &mut text).expect("in memory");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn podman_lists_that_come_late_or_change_are_read() {
    let (one, two) = (container_id(1), container_id(2));
    let scope = |id: &str| format!("{ADA}/user.slice/libpod-{id}.scope");
    let host = host(Layout::V2, &[scope(&one), scope(&two)]);
    users(&host);
    let mut collector = collector(&host);
    assert_eq!(scrape(&mut collector, &scope(&one)).name, None);
    let list = "home/ada/.local/share/containers/storage/overlay-containers/containers.json";
    host.write(list, &format!("[{}]", podman_entry(&one, "web")));
    assert_eq!(scrape(&mut collector, &scope(&one)).name.as_deref(), Some("web"));
    assert_eq!(scrape(&mut collector, &scope(&two)).name, None);
    // Long after the attempts to find it are used up.
    for _ in 0..20 {
        assert_eq!(scrape(&mut collector, &scope(&one)).name.as_deref(), Some("web"));
    }
    let both = [podman_entry(&one, "renamed"), podman_entry(&two, "db")].join(",");
    host.write(list, &format!("[{both}]"));
    assert_eq!(scrape(&mut collector, &scope(&two)).name.as_deref(), Some("db"));
    assert_eq!(scrape(&mut collector, &scope(&one)).name.as_deref(), Some("renamed"));
    assert!(labels(&collector).contains(r#"name="renamed""#));
}

#[test]
fn pods_are_named_when_their_logs_come() {
    let uid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let id = container_id(1);
    let pod = format!("/kubepods/pod{uid}");
    let container = format!("{pod}/{id}");
    let host = host(Layout::V2, &[pod.clone(), container.clone()]);
    let mut collector = collector(&host);
    assert_eq!(scrape(&mut collector, &pod).pod, None);
    logs(&host, ("shop", "web-0", uid), &[("nginx", &id)]);
    assert_eq!(scrape(&mut collector, &pod).pod.as_deref(), Some("web-0"));
    let identity = scrape(&mut collector, &container);
    assert_eq!(identity.container.as_deref(), Some("nginx"));
    assert_eq!((identity.name.as_deref(), identity.image), (Some(id.as_str()), None));
    let text = labels(&collector);
    let series = format!(
        r#"container_memory_rss{{container="nginx",id="{container}",name="{id}",namespace="shop",pod="web-0"}}"#
    );
    assert!(text.contains(&series), "{series}\n{text}");
    let series = format!(r#"container_memory_rss{{id="{pod}",namespace="shop",pod="web-0"}}"#);
    assert!(text.contains(&series), "{series}\n{text}");
}

#[test]
fn proxmox_follows_a_new_hostname() {
    let host = host(Layout::V2, &["/lxc/101".to_owned()]);
    host.write("etc/pve/lxc/101.conf", "hostname: web\n");
    let mut collector = collector(&host);
    assert_eq!(scrape(&mut collector, "/lxc/101").name.as_deref(), Some("web"));
    host.write("etc/pve/lxc/101.conf", "hostname: web-old\n");
    let identity = scrape(&mut collector, "/lxc/101");
    assert_eq!((identity.runtime, identity.name.as_deref()), (Runtime::Proxmox, Some("web-old")));
    assert_eq!(identity.key.as_deref(), Some("101"));
    fs::remove_file(host.path("etc/pve/lxc/101.conf")).expect("remove");
    assert_eq!(scrape(&mut collector, "/lxc/101").name.as_deref(), Some("101"));
}

/// A folder where a file is expected cannot be read by root either.
#[test]
fn what_cannot_be_read_is_told_once_for_each_runtime() {
    let ids = [1, 2, 3, 4].map(container_id);
    let [docker, podman, web, unknown] = &ids;
    let uid = "3f2504e04f8941d39a0c0305e82c3301";
    let stranger = "/user.slice/user-4000.slice/user@4000.service";
    let host = host(
        Layout::V2,
        &[
            format!("/docker/{docker}"),
            format!("/machine.slice/libpod-{podman}.scope"),
            format!("/kubepods/pod{uid}/{web}"),
            format!("{stranger}/libpod-{unknown}.scope"),
        ],
    );
    for path in [
        format!("var/lib/docker/containers/{docker}/config.v2.json"),
        "var/lib/containers/storage/overlay-containers/containers.json".to_owned(),
        format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{web}/config.json"),
    ] {
        fs::create_dir_all(host.path(&path)).expect("mkdir");
    }
    logs(&host, ("shop", "web-0", uid), &[("nginx", web)]);
    let mut collector = collector(&host);
    for _ in 0..3 {
        let web = scrape(&mut collector, &format!("/kubepods/pod{uid}/{web}"));
        assert_eq!((web.pod.as_deref(), web.container.as_deref()), (Some("web-0"), Some("nginx")));
        let told = collector.missing_details();
        assert_eq!(told.len(), 3, "{told:?}");
        for (told, expected) in told.iter().zip(["config.v2.json", "2 podman", "config.json"]) {
            assert!(told.contains(expected), "{told}");
        }
        assert!(
            told[1].contains("user 4000 is not in /etc/passwd")
                || told[1].contains("containers.json")
        );
    }
    // A list that can be read again ends the complaint.
    let list = "var/lib/containers/storage/overlay-containers/containers.json";
    fs::remove_dir(host.path(list)).expect("rmdir");
    host.write(list, &format!("[{}]", podman_entry(podman, "web")));
    let path = format!("/machine.slice/libpod-{podman}.scope");
    assert_eq!(scrape(&mut collector, &path).name.as_deref(), Some("web"));
    assert!(collector.missing_details()[1].contains("1 podman"));
}
