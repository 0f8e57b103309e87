//! Cores, caches and memory nodes of the machine, from sysfs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What `devices/system/cpu` says of the cores that are online.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cores {
    /// Every hardware thread.
    pub threads: Vec<Thread>,
}

/// One hardware thread: what Linux calls a CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thread {
    pub id: u32,
    pub core: Option<u32>,
    pub socket: Option<u32>,
    /// Only on s390.
    pub book: Option<u32>,
    /// Only on s390.
    pub drawer: Option<u32>,
    pub node: u32,
    pub caches: Vec<Cache>,
}

/// A cache as one thread sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cache {
    pub level: u64,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    pub bytes: u64,
    /// The threads that share it.
    pub shared_by: BTreeSet<u32>,
}

/// A memory node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub id: u32,
    pub memory_bytes: Option<u64>,
    /// Size of a huge page in KiB, and how many there are.
    pub huge_pages: BTreeMap<u64, u64>,
    /// The distance to each node, in the order of [`nodes`].
    pub distances: Vec<u64>,
}

/// The online CPUs below `sysfs`; caches only where asked for, as they are many files.
pub(super) fn cores(sysfs: &Path, with_caches: bool) -> Cores {
    let dir = sysfs.join("devices/system/cpu");
    let listed = list(&text(&dir.join("online")));
    let online = if listed.is_empty() { numbered(&dir, "cpu") } else { listed };
    let threads =
        online.into_iter().map(|id| thread(&dir.join(format!("cpu{id}")), id, with_caches));
    Cores { threads: threads.collect() }
}

fn thread(dir: &Path, id: u32, with_caches: bool) -> Thread {
    let topology = |name: &str| number(&dir.join("topology").join(name));
    let caches = dir.join("cache");
    Thread {
        id,
        core: topology("core_id"),
        socket: topology("physical_package_id"),
        book: topology("book_id"),
        drawer: topology("drawer_id"),
        node: numbered(dir, "node").first().copied().unwrap_or(0),
        caches: if with_caches {
            let indices = numbered(&caches, "index").into_iter();
            indices.filter_map(|n| cache(&caches.join(format!("index{n}")))).collect()
        } else {
            Vec::new()
        },
    }
}

fn cache(dir: &Path) -> Option<Cache> {
    Some(Cache {
        level: number(&dir.join("level"))?,
        kind: text(&dir.join("type")).trim().to_owned(),
        bytes: size(&text(&dir.join("size")))?,
        shared_by: list(&text(&dir.join("shared_cpu_list"))),
    })
}

impl Cores {
    /// The threads of each core, by socket and core.
    pub fn by_core(&self) -> BTreeMap<(u32, u32), Vec<&Thread>> {
        let mut cores: BTreeMap<(u32, u32), Vec<&Thread>> = BTreeMap::new();
        for thread in &self.threads {
            if let (Some(socket), Some(core)) = (thread.socket, thread.core) {
                cores.entry((socket, core)).or_default().push(thread);
            }
        }
        cores
    }

    /// How many cores there are; `None` where the host does not tell.
    pub fn physical(&self) -> Option<u64> {
        Some(self.by_core().len() as u64).filter(|n| *n > 0)
    }

    /// How many different values `of` has; `None` where there is none.
    pub fn distinct(&self, of: fn(&Thread) -> Option<u32>) -> Option<u64> {
        let values: BTreeSet<u32> = self.threads.iter().filter_map(of).collect();
        Some(values.len() as u64).filter(|n| *n > 0)
    }
}

/// The memory nodes below `sysfs`.
pub(super) fn nodes(sysfs: &Path) -> Vec<Node> {
    let dir = sysfs.join("devices/system/node");
    numbered(&dir, "node").into_iter().map(|id| node(&dir.join(format!("node{id}")), id)).collect()
}

fn node(dir: &Path, id: u32) -> Node {
    let pages = dir.join("hugepages");
    let huge_pages = entries(&pages).filter_map(|name| {
        let kilobytes = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        Some((kilobytes, number(&pages.join(&name).join("nr_hugepages"))?))
    });
    Node {
        id,
        memory_bytes: node_memory(&text(&dir.join("meminfo"))),
        huge_pages: huge_pages.collect(),
        distances: text(&dir.join("distance"))
            .split_ascii_whitespace()
            .map_while(|word| word.parse().ok())
            .collect(),
    }
}

/// `Node 0 MemTotal:  2048 kB`, in bytes.
fn node_memory(meminfo: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.split_once("MemTotal:"))?.1;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// DIMMs that the error-detection drivers know, by type: how many, and their bytes.
pub(super) fn dimms(sysfs: &Path) -> BTreeMap<String, (u64, u64)> {
    let mut dimms: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let controllers = sysfs.join("devices/system/edac/mc");
    for controller in numbered(&controllers, "mc") {
        let dir = controllers.join(format!("mc{controller}"));
        let names = entries(&dir).filter(|n| n.starts_with("dimm") || n.starts_with("rank"));
        for dimm in names.map(|name| dir.join(name)) {
            let kind = text(&dimm.join("dimm_mem_type")).trim().to_owned();
            let megabytes: u64 = number(&dimm.join("size")).unwrap_or(0);
            if megabytes > 0 && !kind.is_empty() {
                let (count, bytes) = dimms.entry(kind).or_default();
                *count += 1;
                *bytes = bytes.saturating_add(megabytes.saturating_mul(1 << 20));
            }
        }
    }
    dimms
}

/// Bytes of persistent memory that programs may map; `None` where there is no region of it.
pub(super) fn app_direct_bytes(sysfs: &Path) -> Option<u64> {
    let dir = sysfs.join("bus/nd/devices");
    let regions = numbered(&dir, "region").into_iter().map(|n| dir.join(format!("region{n}")));
    let persistent = regions.filter(|region| text(&region.join("devtype")).trim() == "nd_pmem");
    let bytes: Vec<u64> = persistent.filter_map(|region| number(&region.join("size"))).collect();
    (!bytes.is_empty()).then(|| bytes.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path).trim().parse().ok()
}

fn entries(dir: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// The numbers of the entries `prefixN`, sorted.
fn numbered(dir: &Path, prefix: &str) -> BTreeSet<u32> {
    entries(dir).filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect()
}

/// The most CPUs that any kernel is built for.
const MOST_CPUS: u32 = 1 << 16;

/// A list of CPUs as the kernel writes it: `0-3,8`. What is no number is left out.
fn list(text: &str) -> BTreeSet<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        Some(first..=last.min(MOST_CPUS))
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// The size of a cache: `32K`, `8M`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 1 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_and_sizes() {
        assert_eq!(list("0-2,8\n"), BTreeSet::from([0, 1, 2, 8]));
        assert_eq!(list("\n"), BTreeSet::new());
        assert_eq!(size("32K\n"), Some(32 << 10));
        assert_eq!(size("8M\n"), Some(8 << 20));
        assert_eq!(size("512"), Some(512));
        assert_eq!(size("K"), None);
        assert_eq!(node_memory("Node 0 MemTotal:  2048 kB\nNode 0 MemFree: 1 kB\n"), Some(2 << 20));
    }

    #[test]
    fn a_host_without_these_files_has_nothing() {
        let dir = tempfile::tempdir().expect("tempdir");
        let found = cores(dir.path(), true);
        assert_eq!((found.physical(), found.distinct(|t| t.socket)), (None, None));
        assert_eq!(nodes(dir.path()), []);
        assert_eq!(dimms(dir.path()), BTreeMap::new());
        assert_eq!(app_direct_bytes(dir.path()), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9,-]{0,20}|.{0,20}") {
            prop_assert!(list(&text).iter().all(|cpu| *cpu <= MOST_CPUS || text.contains(&cpu.to_string())));
            let _ = (size(&text), node_memory(&text));
        }

        #[test]
        fn lists_come_back(cpus in prop::collection::btree_set(0u32..5000, 0..20)) {
            let text: Vec<String> = cpus.iter().map(u32::to_string).collect();
            prop_assert_eq!(list(&text.join(",")), cpus);
        }
    }
}
