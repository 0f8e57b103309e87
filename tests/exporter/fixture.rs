//! Hosts made of plain files in a temporary directory: a procfs, a sysfs with cgroups, a root file system.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use loadline::exporter::Options;

/// Container ids as Docker makes them.
pub fn container_id(n: u32) -> String {
    format!("{n:08x}").repeat(8)
}

/// A host. Its figures follow from the number given to each cgroup, so that no two are alike.
pub struct Host {
    dir: tempfile::TempDir,
    layout: Layout,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    V1,
    Hybrid,
    V2,
}

impl Host {
    pub fn new(layout: Layout) -> Self {
        let host = Self { dir: tempfile::tempdir().expect("tempdir"), layout };
        host.write(
            "proc/stat",
            "cpu  1 1\ncpu0 1 1\ncpu1 1 1\ncpu2 1 1\ncpu3 1 1\nbtime 1767200000\n",
        );
        host.write(
            "proc/meminfo",
            "MemTotal:        8388608 kB\nSwapTotal:       1048576 kB\nSwapFree:         524288 kB\n",
        );
        let process =
            "7 (loadline) S 1 7 7 0 -1 0 9 0 0 0 150 50 0 0 20 0 2 0 12345 104857600 2560 0\n";
        host.write("proc/self/stat", process);
        host.write(
            "proc/self/limits",
            "Max open files            1024                 4096                 files\n",
        );
        host.write("proc/self/fd/0", "");
        host.write("proc/self/fd/1", "");
        host.write("proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
        host.write("proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
        host.write("etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n");
        host.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        fs::create_dir_all(host.path("sys/dev/block")).expect("mkdir");
        symlink("../../devices/virtio1/block/vda", host.path("sys/dev/block/254:0"))
            .expect("symlink");
        host.machine();
        host.mount();
        host.group("/", 1);
        host
    }

    pub fn options(&self) -> Options {
        Options {
            procfs: self.path("proc"),
            sysfs: self.path("sys"),
            rootfs: self.path(""),
            ..Options::default()
        }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside.trim_start_matches('/'))
    }

    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }

    /// Two nodes with a core of two threads each, and the modules of their memory.
    fn machine(&self) {
        self.write("sys/devices/system/cpu/online", "0-3\n");
        for cpu in 0..4 {
            let (node, core) = (cpu / 2, cpu / 2);
            let dir = format!("sys/devices/system/cpu/cpu{cpu}");
            self.write(&format!("{dir}/topology/core_id"), &format!("{}\n", core * 8));
            self.write(&format!("{dir}/topology/physical_package_id"), "0\n");
            fs::create_dir_all(self.path(&format!("{dir}/node{node}"))).expect("mkdir");
            let pair = format!("{}-{}\n", node * 2, node * 2 + 1);
            let caches = [("1", "Data", "32K", &*pair), ("2", "Unified", "1024K", &*pair)];
            for (index, (level, kind, size, shared)) in
                caches.into_iter().chain([("3", "Unified", "8M", "0-3\n")]).enumerate()
            {
                let cache = format!("{dir}/cache/index{index}");
                for (file, text) in
                    [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)]
                {
                    self.write(&format!("{cache}/{file}"), &format!("{}\n", text.trim()));
                }
            }
        }
        for node in 0..2 {
            let dir = format!("sys/devices/system/node/node{node}");
            let memory = format!("Node {node} MemTotal:       {} kB\n", 4_194_304 - node);
            self.write(&format!("{dir}/meminfo"), &memory);
            self.write(&format!("{dir}/distance"), ["10 21\n", "21 10\n"][node]);
            self.write(&format!("{dir}/hugepages/hugepages-2048kB/nr_hugepages"), "4\n");
            let dimm = format!("sys/devices/system/edac/mc/mc0/dimm{node}");
            self.write(&format!("{dimm}/dimm_mem_type"), "Registered-DDR4\n");
            self.write(&format!("{dimm}/size"), "4096\n");
        }
        self.write("sys/bus/nd/devices/region0/devtype", "nd_pmem\n");
        self.write("sys/bus/nd/devices/region0/size", "1073741824\n");
        self.write("sys/bus/nd/devices/region1/devtype", "nd_blk\n");
    }

    /// The hierarchies as folders of `sys/fs/cgroup`, and the mount table that names them.
    fn mount(&self) {
        let v1 = ["cpu,cpuacct", "memory", "blkio", "pids", "devices", "cpuset", "hugetlb"];
        let root = self.path("sys/fs/cgroup");
        let mut lines = vec!["20 1 0:20 / /proc rw - proc proc rw".to_owned()];
        let mut mount = |dir: PathBuf, kind: &str, options: &str| {
            fs::create_dir_all(&dir).expect("mkdir");
            lines.push(format!(
                "30 20 0:30 / {} rw,relatime - {kind} {kind} rw{options}",
                dir.display()
            ));
        };
        match self.layout {
            Layout::V2 => mount(root, "cgroup2", ""),
            Layout::V1 | Layout::Hybrid => {
                for controllers in v1 {
                    mount(root.join(controllers), "cgroup", &format!(",{controllers}"));
                }
                if self.layout == Layout::Hybrid {
                    mount(root.join("unified"), "cgroup2", "");
                }
            }
        }
        self.write("proc/self/mountinfo", &(lines.join("\n") + "\n"));
    }

    /// A cgroup with all its files.
    pub fn group(&self, path: &str, n: u64) {
        match self.layout {
            Layout::V2 => self.put("", path, &v2(n, path == "/")),
            Layout::V1 => self.put_v1(path, n),
            Layout::Hybrid => {
                self.put_v1(path, n);
                self.put("unified", path, &pressure(n));
            }
        }
    }

    fn put_v1(&self, path: &str, n: u64) {
        for (hierarchy, files) in v1(n) {
            self.put(hierarchy, path, &files);
        }
    }

    fn put(&self, hierarchy: &str, path: &str, files: &[(&str, String)]) {
        let dir = format!("sys/fs/cgroup/{hierarchy}{path}");
        for (name, text) in files {
            self.write(&format!("{dir}/{name}"), text);
        }
    }

    /// Removes a cgroup and all below it, in every hierarchy that has it.
    pub fn remove_group(&self, path: &str) {
        for hierarchy in ["", "cpu,cpuacct", "memory", "blkio", "pids", "devices", "unified"] {
            let dir = self.path(&format!("sys/fs/cgroup/{hierarchy}{path}"));
            if dir.exists() {
                fs::remove_dir_all(dir).expect("remove");
            }
        }
    }

    /// A network namespace, and the first process of each cgroup that is in it; the host's has number 0.
    pub fn network(&self, n: u64, pids: &[u64]) {
        let name = format!("proc/net-dev-{n}");
        let columns = [1_000_003, 5003, 3, 7, 0, 0, 0, 0, 2_000_017, 6007, 5, 11, 0, 0, 0, 0];
        let numbers: Vec<String> = columns.iter().map(|c| (c * (n + 1)).to_string()).collect();
        let interfaces = ["    lo", "  eth0", "vethab", "wg\"0\\"];
        let lines = interfaces.map(|name| format!("{name}: {}\n", numbers.join(" ")));
        self.write(&name, &format!("Inter-| Receive\n face |bytes\n{}", lines.concat()));
        for pid in pids {
            fs::create_dir_all(self.path(&format!("proc/{pid}/net"))).expect("mkdir");
            // A namespace is known by the inode of this file.
            let file = self.path(&format!("proc/{pid}/net/dev"));
            fs::hard_link(self.path(&name), file).expect("link");
        }
    }

    /// Docker's file of a container.
    pub fn docker(&self, id: &str, name: &str, image: &str, labels: &str) {
        let text = format!(
            r#"{{"ID":"{id}","Name":"/{name}","State":{{"Running":true,"StartedAt":"2026-01-01T12:00:00.5Z"}},"Config":{{"Image":"{image}","Env":["SECRET=1"],"Labels":{{{labels}}}}}}}"#
        );
        self.write(&format!("var/lib/docker/containers/{id}/config.v2.json"), &text);
    }

    /// Gives all cgroup directories the same time, as the clock would else show in the output.
    pub fn settle(&self) {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        set_time(&self.path("sys/fs/cgroup"), FileTimes::new().set_modified(at));
    }
}

fn set_time(dir: &Path, times: FileTimes) {
    for entry in fs::read_dir(dir).expect("read_dir").map(|entry| entry.expect("entry")) {
        if entry.file_type().expect("type").is_dir() {
            set_time(&entry.path(), times);
        }
    }
    File::open(dir).and_then(|file| file.set_times(times)).expect("set_times");
}

type Files = Vec<(&'static str, String)>;

fn one(value: u64) -> String {
    format!("{value}\n")
}

fn table(rows: &[(&str, u64)]) -> String {
    rows.iter().map(|(key, value)| format!("{key} {value}\n")).collect()
}

fn procs(n: u64) -> String {
    (0..n).map(|i| format!("{}\n", 1000 * n + i)).collect()
}

fn v1(n: u64) -> [(&'static str, Files); 6] {
    let unlimited = n % 3 == 1;
    let max = "9223372036854771712\n".to_owned();
    let bytes = |limit: u64| if unlimited { max.clone() } else { one(limit) };
    let stat = [
        "pgfault",
        "pgmajfault",
        "total_cache",
        "total_rss",
        "total_mapped_file",
        "total_swap",
        "total_pgfault",
        "total_pgmajfault",
        "total_active_file",
        "total_inactive_file",
        "hierarchical_memory_limit",
        "total_active_anon",
        "total_inactive_anon",
        "total_rss_huge",
        "total_dirty",
        "total_writeback",
        "total_workingset_refault_file",
        "total_workingset_refault_anon",
    ];
    let stat: Vec<(&str, u64)> =
        (1..).map(|i| i * 4096 * n).zip(stat).map(|(v, k)| (k, v)).collect();
    [
        (
            "cpu,cpuacct",
            vec![
                ("cpuacct.usage", one(n * 1_234_567_891)),
                ("cpuacct.usage_percpu", format!("{} {} 0 0 \n", n * 1_234_567_890, n)),
                ("cpuacct.stat", table(&[("user", n * 77), ("system", n * 33)])),
                (
                    "cpu.stat",
                    table(&[
                        ("nr_periods", n * 100),
                        ("nr_throttled", n * 7),
                        ("throttled_time", n * 5_000_000),
                        ("nr_bursts", 2),
                        ("burst_time", 3000),
                    ]),
                ),
                ("cpu.cfs_quota_us", if unlimited { "-1\n".into() } else { one(n * 10_000) }),
                ("cpu.cfs_period_us", one(100_000)),
                ("cpu.shares", one(1024)),
                ("cgroup.procs", procs(n)),
            ],
        ),
        (
            "memory",
            vec![
                ("memory.stat", table(&stat)),
                (
                    "memory.numa_stat",
                    format!(
                        "total=9 N0=5 N1=4\nfile=3 N0={n} N1=1\nanon=3 N0=2 N1=1\nunevictable=0 N0=0 N1=0\nhierarchical_total=9 N0=5 N1=4\nhierarchical_file=4 N0={} N1=2\n",
                        n * 2
                    ),
                ),
                ("memory.usage_in_bytes", one(n * 1_000_000)),
                ("memory.max_usage_in_bytes", one(n * 2_000_000)),
                ("memory.failcnt", one(n)),
                ("memory.kmem.usage_in_bytes", one(n * 4096)),
                (
                    "memory.oom_control",
                    table(&[("oom_kill_disable", 0), ("under_oom", 0), ("oom_kill", n)]),
                ),
                ("memory.limit_in_bytes", bytes(n << 20)),
                ("memory.memsw.limit_in_bytes", bytes(n << 21)),
                ("memory.soft_limit_in_bytes", max),
            ],
        ),
        (
            "blkio",
            vec![
                (
                    "blkio.throttle.io_service_bytes_recursive",
                    format!(
                        "254:0 Read {}\n254:0 Write {}\n254:0 Sync 1\n254:0 Async 1\n254:0 Discard 0\n254:0 Total 9\n9:127 Read 512\n9:127 Write 0\nTotal 10\n",
                        n * 512,
                        n * 1024
                    ),
                ),
                (
                    "blkio.throttle.io_serviced_recursive",
                    format!(
                        "254:0 Read {n}\n254:0 Write {}\n9:127 Read 1\n9:127 Write 0\nTotal 10\n",
                        n * 2
                    ),
                ),
            ],
        ),
        (
            "pids",
            vec![
                ("pids.current", one(n + 1)),
                ("pids.max", if unlimited { "max\n".into() } else { one(n * 100) }),
            ],
        ),
        ("cpuset", vec![("cpuset.memory_migrate", one(n % 2))]),
        (
            "hugetlb",
            vec![
                ("hugetlb.2MB.usage_in_bytes", one(n << 21)),
                ("hugetlb.2MB.max_usage_in_bytes", one(n << 22)),
                ("hugetlb.2MB.failcnt", one(n)),
                ("hugetlb.1GB.usage_in_bytes", one(0)),
                ("hugetlb.1GB.max_usage_in_bytes", one(n << 30)),
                ("hugetlb.1GB.failcnt", one(0)),
            ],
        ),
    ]
}

fn pressure(n: u64) -> Files {
    let text = |k: u64| {
        format!(
            "some avg10=0.12 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={}\n",
            n * k * 1001,
            n * k
        )
    };
    vec![
        ("cgroup.controllers", String::new()),
        ("cpu.pressure", text(3)),
        ("memory.pressure", text(5)),
        ("io.pressure", text(7)),
    ]
}

fn v2(n: u64, root: bool) -> Files {
    let unlimited = n % 3 == 1;
    let limit = |value: u64| if unlimited { "max\n".into() } else { one(value) };
    let stat = [
        "anon",
        "file",
        "kernel",
        "file_mapped",
        "inactive_file",
        "active_file",
        "pgfault",
        "pgmajfault",
        "some_key_of_the_future",
        "active_anon",
        "inactive_anon",
        "anon_thp",
        "file_dirty",
        "file_writeback",
        "pgscan",
        "pgsteal",
        "workingset_refault_file",
        "workingset_refault_anon",
    ];
    let stat: Vec<(&str, u64)> =
        (1..).map(|i| i * 4096 * n).zip(stat).map(|(v, k)| (k, v)).collect();
    let mut files = pressure(n);
    files.extend([
        ("cgroup.procs", procs(n)),
        (
            "cpu.stat",
            table(&[
                ("usage_usec", n * 1_234_567),
                ("user_usec", n * 770_000),
                ("system_usec", n * 330_000),
                ("nr_periods", n * 100),
                ("nr_throttled", n * 7),
                ("throttled_usec", n * 5_000),
                ("nr_bursts", 2),
                ("burst_usec", 3),
            ]),
        ),
        ("memory.stat", table(&stat)),
        (
            "io.stat",
            format!(
                "254:0 rbytes={} wbytes={} rios={n} wios=3 dbytes=0 dios=0 cost.vrate=100.00 cost.usage={} cost.wait=2 cost.indebt=0 cost.indelay=0\n9:127 \n",
                n * 512,
                n * 1024,
                n * 1_000_001
            ),
        ),
        (
            "memory.numa_stat",
            format!("anon N0={} N1=0\nfile N0=4096 N1=8192\nslab N0=1 N1=1\n", n * 4096),
        ),
    ]);
    if !root {
        files.extend([
            ("memory.current", one(n * 1_000_000)),
            ("memory.peak", one(n * 2_000_000)),
            ("memory.swap.current", one(n * 3)),
            (
                "memory.events",
                table(&[("low", 0), ("high", 1), ("max", n), ("oom", n), ("oom_kill", n)]),
            ),
            ("memory.max", limit(n << 20)),
            ("memory.min", one(0)),
            ("memory.swap.max", limit(n << 20)),
            ("cpu.max", format!("{} 100000\n", limit(n * 10_000).trim())),
            ("cpu.weight", one(100)),
            ("pids.current", one(n + 1)),
            ("pids.max", limit(n * 100)),
            ("hugetlb.2MB.current", one(n << 21)),
            ("hugetlb.2MB.events", table(&[("max", n)])),
        ]);
    }
    files
}
