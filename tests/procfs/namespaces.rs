//! Traffic and sockets by network namespace.

use std::collections::BTreeMap;

use std::path::Path;

use loadline::metric_set::MetricSet;
use tempfile::TempDir;

use super::{SETS, Veth, collector, counted, find, inside, scrape, series};
use crate::support::cgroup::{self, TestGroup};
use crate::support::docker::{DockerEngine, IMAGE};
use crate::support::host::can_run;
use crate::support::lxc::{self, LxcContainer};
use crate::support::{PATIENCE, Process, http_get, wait_for};

const RECEIVED: &str = "container_network_receive_bytes_total";
const SENT: &str = "container_network_transmit_bytes_total";

/// The first process of a group.
fn first_pid(path: &str) -> u32 {
    let pids = cgroup::file("cpu", path, "cgroup.procs");
    pids.lines().next().expect("a process").parse().expect("a number")
}

/// Sends a datagram from the namespace of a process; nobody answers.
fn send(pid: u32) {
    let address = "ip address replace 10.213.7.2/24 dev eth0";
    let packets = "ip neighbour replace 10.213.7.1 lladdr 02:00:00:00:00:01 dev eth0";
    let script = format!("{address}; {packets}; echo hello >/dev/udp/10.213.7.1/9");
    inside(pid, &["bash", "-c", &script]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_containers_tell_of_each_namespace_once() {
    if !can_run("networks of Docker", &["dockerd", "docker", "ip", "nsenter"]) {
        return;
    }
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let owner = engine.run("owner", &[], &["sleep", "600"]);
    let run = |name: &str, network: &str| {
        engine.docker(&["run", "--detach", "--name", name, network, IMAGE, "sleep", "600"])
    };
    let guest = run("guest", "--network=container:owner");
    let at_home = run("at-home", "--network=host");
    // Other engines may run on this machine.
    let ids = [owner.id.clone(), guest.trim().to_owned(), at_home.trim().to_owned()];
    let sent_by_ours = |told: &BTreeMap<String, f64>| -> Vec<(String, f64)> {
        let ours = |name: &str| ids.iter().any(|id| name.contains(id));
        let all = find(told, SENT, "docker/").into_iter().filter(|(name, _)| ours(name));
        all.map(|(name, value)| (name.clone(), value)).collect()
    };
    let pid = first_pid(&owner.cgroup());
    let veth = Veth::join(pid);
    let mut collector = collector(&SETS);
    scrape(&mut collector);
    send(pid);

    let before = counted(pid, "tx");
    let told = scrape(&mut collector);
    let after = counted(pid, "tx");
    let sent = sent_by_ours(&told);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].0.contains(&owner.id) && sent[0].0.contains("interface=\"eth0\""), "{sent:?}");
    assert!(before > 0.0 && before <= sent[0].1 && sent[0].1 <= after, "{before} {sent:?} {after}");
    // The host's own interfaces are the root's, and those of the test's engine among them are not.
    let host = find(&told, RECEIVED, "id=\"/\"");
    assert!(host.iter().any(|(name, _)| name.contains(&veth.host_end)), "{host:?}");
    assert!(host.iter().all(|(name, _)| !name.contains("interface=\"lo\"")), "{host:?}");

    // The owner goes, the guest is left with the namespace; then it goes too, and nothing holds it.
    engine.remove(&owner);
    let told = scrape(&mut collector);
    assert_eq!(sent_by_ours(&told).len(), 1);
    engine.docker(&["rm", "--force", "guest"]);
    wait_for("the namespace to go", PATIENCE, async || {
        if veth.is_there() { Err("its interface is there".to_owned()) } else { Ok(()) }
    })
    .await;
    assert_eq!(sent_by_ours(&scrape(&mut collector)), []);
}

#[test]
fn an_lxc_container_tells_of_its_namespace() {
    if !can_run("networks of LXC", &[&lxc::PROGRAMS[..], &["ip", "nsenter"]].concat()) {
        return;
    }
    let container = LxcContainer::start("loadline-test-net", "");
    let pid = first_pid(&container.cgroup());
    let _veth = Veth::join(pid);
    send(pid);
    let mut collector = collector(&SETS);
    let told = scrape(&mut collector);
    let sent = find(&told, SENT, "name=\"loadline-test-net\"");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].1 > 0.0 && sent[0].1 <= counted(pid, "tx"), "{sent:?}");
    assert!(sent[0].0.contains(&format!("id=\"{}\"", container.cgroup())), "{sent:?}");
}

#[tokio::test]
async fn a_process_that_unshares_later_is_noticed_and_never_held() {
    if !can_run("a namespace made later", &["unshare", "ip", "nsenter"]) {
        return;
    }
    let group = TestGroup::new();
    let folder = TempDir::new().expect("a folder");
    let signal = folder.path().join("now");
    let mut process = group.run(&format!(
        "while [ ! -e {} ]; do sleep 0.02; done; exec unshare --net sleep 600",
        signal.display()
    ));
    wait_for("the process to be in its group", PATIENCE, async || {
        let pids = cgroup::file("cpu", group.path(), "cgroup.procs");
        if pids.lines().any(|pid| pid == process.id().to_string()) { Ok(()) } else { Err(pids) }
    })
    .await;
    let mut collector = collector(&SETS);
    let id = format!("id=\"{}\"", group.path());
    // Until it is no longer looked at each time.
    for _ in 0..20 {
        assert_eq!(find(&scrape(&mut collector), RECEIVED, &id), []);
    }
    std::fs::write(&signal, "").expect("written");
    let home = std::fs::read_link("/proc/self/ns/net").expect("a link");
    let link = format!("/proc/{}/ns/net", process.id());
    wait_for("the namespace", PATIENCE, async || match std::fs::read_link(&link) {
        Ok(there) if there != home => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let veth = Veth::join(process.id());
    let scrapes = (1..=16).find(|_| find(&scrape(&mut collector), RECEIVED, &id).len() == 1);
    assert!(scrapes.is_some(), "not noticed after 16 scrapes");

    process.signal(rustix::process::Signal::KILL);
    process.wait_exit(PATIENCE).await;
    wait_for("the namespace to go", PATIENCE, async || {
        if veth.is_there() { Err("its interface is there".to_owned()) } else { Ok(()) }
    })
    .await;
    assert_eq!(find(&scrape(&mut collector), RECEIVED, &id), []);
}

#[tokio::test]
async fn sockets_of_a_namespace_are_counted() {
    if !can_run("sockets of a namespace", &["unshare", "busybox"]) {
        return;
    }
    let group = TestGroup::new();
    let listen = "ip link set lo up; busybox nc -l -p 7 & busybox nc -l -p 8 & \
                  exec 5<>/dev/udp/127.0.0.1/9; exec sleep 600";
    let _process = group.run(&format!("exec unshare --net bash -c '{listen}'"));
    let mut collector = collector(&[MetricSet::Tcp, MetricSet::Udp, MetricSet::AdvTcp]);
    let id = format!("id=\"{}\"", group.path());
    wait_for("three sockets", PATIENCE, async || {
        let told = scrape(&mut collector);
        let sum = |family: &str, text: &str| -> f64 {
            find(&told, family, &id).iter().filter(|s| s.0.contains(text)).map(|s| s.1).sum()
        };
        let tcp = sum("container_network_tcp_usage_total", "\"listen\"")
            + sum("container_network_tcp6_usage_total", "\"listen\"");
        let udp = sum("container_network_udp_usage_total", "\"listen\"")
            + sum("container_network_udp6_usage_total", "\"listen\"");
        match (tcp, udp) {
            (2.0, 1.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let told = scrape(&mut collector);
    let advanced = find(&told, "container_network_advance_tcp_stats_total", &id);
    for state in ["maxconn", "retranssegs", "listendrops", "tcptimeouts"] {
        let label = format!("tcp_state=\"{state}\"");
        assert_eq!(advanced.iter().filter(|s| s.0.contains(&label)).count(), 1, "{state}");
    }
    assert_eq!(find(&told, RECEIVED, ""), []);
}

#[tokio::test]
async fn an_ordinary_user_is_told_of_namespaces_too() {
    if !can_run("networks as an ordinary user", &["setpriv", "unshare", "ip", "nsenter"]) {
        return;
    }
    let group = TestGroup::new();
    let process = group.run("exec unshare --net sleep 600");
    let home = std::fs::read_link("/proc/self/ns/net").expect("a link");
    let link = format!("/proc/{}/ns/net", process.id());
    wait_for("the namespace", PATIENCE, async || match std::fs::read_link(&link) {
        Ok(there) if there != home => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let _veth = Veth::join(process.id());
    // Where the program was built, an ordinary user may not go.
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("loadline");
    std::fs::copy(Path::new(env!("CARGO_BIN_EXE_loadline")), &program).expect("copied");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("opened");
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
    let mut exporter = Process::spawn("exporter", command);
    let address = exporter.wait_address(PATIENCE).await;
    let reply = http_get(&format!("http://{address}/metrics")).await.expect("an answer");
    let told = series(reply.text());
    let id = format!("id=\"{}\"", group.path());
    let received = find(&told, RECEIVED, &id);
    assert_eq!(received.len(), 1, "{received:?}");
    assert!(!find(&told, RECEIVED, "id=\"/\"").is_empty());
}
