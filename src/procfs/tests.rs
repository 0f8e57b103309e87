//! A procfs made of files.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use super::*;

/// A procfs and the cgroups of its processes.
struct Host {
    dir: tempfile::TempDir,
    groups: Vec<(String, bool, Vec<u32>)>,
    processes: Processes,
}

const HEADER: &str = "Inter-| Receive\n face |bytes\n";

impl Host {
    /// Only process 1, in namespace 0.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("tempdir");
        let processes = Processes::new(dir.path());
        let host = Self { dir, groups: vec![("/".into(), false, vec![])], processes };
        host.process(1, 0, 0);
        host
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }

    /// A process that started at `start` in the namespace of this number.
    fn process(&self, pid: u32, namespace: u64, start: u64) {
        let before = "S 1 7 7 0 -1 0 9 0 0 0 150 50 0 0 20 0 2 0";
        self.write(&format!("{pid}/stat"), &format!("{pid} (a) b) {before} {start} 1 2\n"));
        self.enter(pid, namespace);
    }

    fn enter(&self, pid: u32, namespace: u64) {
        let name = format!("namespace-{namespace}");
        if !self.path(&name).exists() {
            let line = format!("eth{namespace}: {namespace} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
            self.write(&name, &format!("{HEADER}{line}"));
        }
        let file = self.path(&format!("{pid}/net/dev"));
        fs::create_dir_all(file.parent().expect("parent")).expect("mkdir");
        // Only absent where the process is new.
        let _ = fs::remove_file(&file);
        fs::hard_link(self.path(&name), file).expect("link");
    }

    fn end(&self, pid: u32) {
        fs::remove_dir_all(self.path(&pid.to_string())).expect("remove");
    }

    /// A cgroup; a container where its path has `box` in its last part.
    fn group(&mut self, path: &str, pids: &[u32]) {
        let is_container = path.rsplit('/').next().is_some_and(|base| base.contains("box"));
        self.groups.retain(|(known, ..)| known != path);
        self.groups.push((path.into(), is_container, pids.to_vec()));
        self.groups.sort();
    }

    fn read(&mut self, sets: &[MetricSet], deadline: Option<Instant>) {
        let members: Vec<Member> = self
            .groups
            .iter()
            .map(|(path, is_container, pids)| Member {
                serial: path.bytes().fold(0, |sum: u64, b| sum.wrapping_mul(31) ^ u64::from(b)),
                path,
                is_container: *is_container,
                pids,
            })
            .collect();
        self.processes.read(&members, MetricSets::of(sets), deadline);
        assert_eq!(self.processes.problems(), []);
    }

    /// Which cgroup tells of which interfaces.
    fn told(&mut self) -> Vec<(String, String)> {
        self.read(&[MetricSet::Network], None);
        let figures = self.groups.iter().zip(self.processes.figures());
        figures
            .flat_map(|((path, ..), f)| f.interfaces.iter().map(|i| (path.clone(), i.name.clone())))
            .collect()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn each_namespace_is_told_once() {
    let mut host = Host::new();
    host.process(10, 0, 5);
    host.process(20, 2, 5);
    host.process(21, 2, 4);
    host.process(30, 3, 5);
    host.group("/shared", &[10]);
    host.group("/a-box", &[20]);
    host.group("/pause-box", &[21]);
    host.group("/own-box", &[30]);
    host.group("/own-box/below", &[30]);
    let expected = pairs(&[("/", "eth0"), ("/own-box", "eth3"), ("/pause-box", "eth2")]);
    assert_eq!(host.told(), expected);
    assert_eq!(host.told(), expected);
    // The oldest leaves: the other one is left.
    host.end(21);
    host.group("/pause-box", &[]);
    let expected = pairs(&[("/", "eth0"), ("/a-box", "eth2"), ("/own-box", "eth3")]);
    assert_eq!(host.told(), expected);
}

#[test]
fn a_namespace_belongs_to_the_container_not_to_what_lies_below() {
    let mut host = Host::new();
    host.group("/box", &[]);
    host.group("/box-like", &[]);
    for (pid, path, namespace, start) in [
        (30, "/box/z.scope", 2, 1),
        (20, "/box/a.service", 3, 9),
        (21, "/box/b.service", 2, 5),
        (40, "/box/docker/box1", 4, 7),
        (41, "/box/docker/box2", 2, 7),
        (50, "/slice/x.service", 5, 7),
    ] {
        host.process(pid, namespace, start);
        host.group(path, &[pid]);
    }
    let expected = [
        ("/", "eth0"),
        ("/box", "eth2"),
        ("/box/a.service", "eth3"),
        ("/box/docker/box1", "eth4"),
        ("/slice/x.service", "eth5"),
    ];
    assert_eq!(host.told(), pairs(&expected));
}

#[test]
fn a_process_that_unshares_later_is_noticed() {
    let mut host = Host::new();
    host.process(10, 0, 5);
    host.group("/box", &[10]);
    let shared = pairs(&[("/", "eth0")]);
    for _ in 0..40 {
        assert_eq!(host.told(), shared);
    }
    host.enter(10, 2);
    let own = pairs(&[("/", "eth0"), ("/box", "eth2")]);
    let reads = (1..).find(|_| host.told() == own).expect("endless");
    assert!(reads <= 16, "noticed after {reads} reads");
    // Now it is read each time, so a change is noticed at once; its new figures come with the next read.
    host.enter(10, 3);
    assert_eq!(host.told(), shared);
    assert_eq!(host.told(), pairs(&[("/", "eth0"), ("/box", "eth3")]));
}

#[test]
fn a_young_process_is_looked_at_each_time() {
    let mut host = Host::new();
    host.process(10, 0, 5);
    host.group("/box", &[10]);
    host.told();
    host.enter(10, 2);
    assert_eq!(host.told(), pairs(&[("/", "eth0"), ("/box", "eth2")]));
}

#[test]
fn a_new_first_process_is_looked_at() {
    let mut host = Host::new();
    host.process(10, 0, 5);
    host.process(11, 2, 5);
    host.group("/box", &[10]);
    for _ in 0..20 {
        host.told();
    }
    host.group("/box", &[11]);
    assert_eq!(host.told(), pairs(&[("/", "eth0"), ("/box", "eth2")]));
    // One that has ended while the list was read makes way for the next.
    host.group("/box", &[99, 11]);
    assert_eq!(host.told(), pairs(&[("/", "eth0"), ("/box", "eth2")]));
}

#[test]
fn without_the_host_nothing_is_told() {
    let mut host = Host::new();
    host.process(10, 2, 5);
    host.group("/box", &[10]);
    host.end(1);
    assert_eq!(host.told(), []);
}

#[test]
fn what_is_not_read_by_the_deadline_is_left_out_and_said() {
    let mut host = Host::new();
    host.process(10, 2, 5);
    host.group("/box", &[10]);
    host.read(&[MetricSet::Network], Some(Instant::now()));
    assert_eq!(host.processes.figures()[1], Figures::default());
    assert!(host.processes.effort(MetricSet::Network).late);
    assert_eq!(host.told().len(), 2);
    assert!(host.processes.effort(MetricSet::Network).is_success());
}

#[test]
fn a_broken_file_costs_only_its_own_cgroup() {
    let mut host = Host::new();
    host.process(10, 2, 5);
    host.process(11, 3, 5);
    host.group("/a-box", &[10]);
    host.group("/b-box", &[11]);
    host.told();
    host.write("namespace-2", "a\nb\neth0: many\n");
    let members = [
        Member { serial: 1, path: "/a-box", is_container: true, pids: &[10] },
        Member { serial: 2, path: "/b-box", is_container: true, pids: &[11] },
    ];
    host.processes.read(&members, MetricSets::of(&[MetricSet::Network]), None);
    let problem = host.processes.problems()[0].to_string();
    assert!(problem.contains("/10/net/dev: line 3: expected a name"), "{problem}");
    assert_eq!(host.processes.effort(MetricSet::Network).failures, 1);
    assert!(host.processes.figures()[0].interfaces.is_empty());
    assert_eq!(host.processes.figures()[1].interfaces[0].name, "eth3");
}

const TITLES: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";

#[test]
fn sockets_are_told_by_whom_the_namespace_belongs_to() {
    let mut host = Host::new();
    for (pid, start) in [(10, 5), (11, 4)] {
        host.process(pid, 2, start);
        let socket =
            "0: 0100007F:1F90 00000000:0000 0A 00000001:00000002 00:00000000 0 0 0 1 1 p 7\n";
        for name in ["tcp", "tcp6", "udp"] {
            host.write(&format!("{pid}/net/{name}"), &format!("{TITLES}{socket}{socket}"));
        }
        host.write(&format!("{pid}/net/snmp"), "Ip: A\nIp: 1\nTcp: MaxConn InSegs\nTcp: -1 8\n");
        host.write(&format!("{pid}/net/netstat"), "TcpExt: TW InSegs\nTcpExt: 5 9\n");
    }
    host.group("/a-box", &[10]);
    host.group("/b-box", &[11]);
    host.read(&[MetricSet::Tcp, MetricSet::Udp, MetricSet::AdvTcp], None);
    assert_eq!(host.processes.figures()[1], Figures::default());
    let told = &host.processes.figures()[2];
    assert!(told.interfaces.is_empty());
    for tcp in [&told.tcp.v4, &told.tcp.v6] {
        let states: Vec<_> = tcp.as_deref().expect("there").iter().filter(|s| s.1 > 0).collect();
        assert_eq!(states, [("listen", 2)]);
    }
    let expected = UdpQueues { sockets: 2, dropped: 14, receive_bytes: 4, transmit_bytes: 2 };
    assert_eq!(told.udp.v4.as_deref(), Some(&expected));
    assert_eq!(told.udp.v6, None);
    let names: Vec<(&str, i64)> =
        told.statistics.iter().map(|s| (s.name.as_str(), s.value)).collect();
    assert_eq!(names, [("insegs", 8), ("maxconn", -1), ("tw", 5)]);
}

#[test]
fn descriptors_are_those_of_the_own_processes() {
    let mut host = Host::new();
    for pid in [10, 11] {
        host.write(&format!("{pid}/limits"), "Limit  Soft\nMax open files  unlimited  7  files\n");
        for (number, target) in [("0", "/dev/null"), ("1", "socket:[77]"), ("2", "pipe:[1]")] {
            let fd = host.path(&format!("{pid}/fd"));
            fs::create_dir_all(&fd).expect("mkdir");
            std::os::unix::fs::symlink(target, fd.join(number)).expect("link");
        }
    }
    host.group("/box", &[10, 11, 99]);
    host.group("/box/below", &[11]);
    host.read(&[MetricSet::Descriptors], None);
    let of = |open, sockets| Descriptors {
        open: Some(open),
        sockets: Some(sockets),
        soft_limit: Some(SoftLimit::Unlimited),
    };
    let told: Vec<Descriptors> =
        host.processes.figures().iter().map(|figures| figures.descriptors).collect();
    assert_eq!(told, [Descriptors::default(), of(6, 2), of(3, 1)]);
}

#[test]
fn a_process_that_is_ending_is_nothing_strange() {
    let mut host = Host::new();
    host.process(10, 2, 5);
    host.write("10/limits", "");
    host.group("/box", &[10]);
    // Finds no problem.
    host.read(&[MetricSet::Descriptors, MetricSet::Sched, MetricSet::Tcp], None);
    assert_eq!(host.processes.figures()[1].descriptors.soft_limit, None);
    assert!(host.processes.effort(MetricSet::Descriptors).is_success());
}

/// What is told of time on a core, by cgroup.
fn run(host: &mut Host) -> Vec<(String, Option<u64>)> {
    host.read(&[MetricSet::Sched], None);
    let figures = host.processes.figures();
    let run = figures.iter().map(|figures| figures.schedule.map(|s| s.run_ns));
    host.groups.iter().map(|(path, ..)| path.clone()).zip(run).collect()
}

#[test]
fn time_on_a_core_never_falls_while_a_cgroup_lives() {
    let mut host = Host::new();
    let ran = |host: &Host, pid: u32, tid: u32, ns: u64| {
        host.write(&format!("{pid}/task/{tid}/schedstat"), &format!("{ns} 2 3\n"));
    };
    let expected = |root, a, below: Option<u64>, b| {
        let told = [("/", root), ("/a", a), ("/a/below", below.unwrap_or(0)), ("/b", b)];
        let there = told.into_iter().filter(|(path, _)| below.is_some() || *path != "/a/below");
        there.map(|(path, ns)| (path.to_owned(), (ns > 0).then_some(ns))).collect::<Vec<_>>()
    };
    host.group("/a", &[10]);
    host.group("/a/below", &[20]);
    host.group("/b", &[]);
    ran(&host, 10, 10, 100);
    ran(&host, 10, 11, 50);
    ran(&host, 20, 20, 7);
    assert_eq!(run(&mut host), expected(157, 157, Some(7), 0));
    // A thread ends, another one runs on, a process moves and runs on where it is now.
    fs::remove_dir_all(host.path("10/task/11")).expect("remove");
    ran(&host, 10, 10, 110);
    ran(&host, 20, 20, 8);
    host.group("/a/below", &[]);
    host.group("/b", &[20]);
    assert_eq!(run(&mut host), expected(168, 167, Some(7), 1));
    // A thread id is used again, and a cgroup goes: what it ran stays with those above.
    ran(&host, 20, 20, 3);
    host.groups.retain(|(path, ..)| path != "/a/below");
    host.end(10);
    assert_eq!(run(&mut host), expected(171, 167, None, 4));
}
