//! Which cgroup tells of which network namespace.
//!
//! Each namespace is told once, so that sums over containers are right. The rules:
//!
//! * A cgroup is in the namespace of its first process, as the kernel lists them, for as long as that
//!   process stays in it. A container without processes of its own is in that of the oldest process
//!   below it; any other cgroup without processes is where its parent is.
//! * The root cgroup tells of the host's namespace, which is that of process 1.
//! * A cgroup that is where its parent is tells nothing; nor does one in the host's namespace.
//! * Where several others are in one namespace, the cgroup whose process is the oldest tells of it. In a
//!   pod that is the sandbox, which starts first; with `--network container:X` it is X. It goes on telling
//!   until it leaves.
//!
//! A namespace is known by the inode of its `net/dev`: the kernel makes that file anew for each one. Unlike
//! the link `ns/net` it can be asked for without any right over the process, and when the file is read
//! its inode says whose figures they are.

use std::collections::{HashMap, HashSet};

use super::Member;
use super::file::{Failure, Files};
use super::lineage::Lineage;
use crate::metric_set::MetricSet;

/// The file whose inode tells namespaces apart.
pub(super) const FILE: &str = "net/dev";

/// Of a new process the namespace is looked up in so many reads, as a runtime may put it into the cgroup
/// first and give it a namespace then.
const YOUNG_READS: u8 = 4;

/// Later it is looked up once in so many reads.
const READS_BETWEEN_CHECKS: u64 = 16;

/// How many processes of a cgroup are asked before it counts as gone.
const MOST_ASKED: usize = 8;

/// The host's own first process.
const FIRST_PROCESS: u32 = 1;

/// What is remembered between reads.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    /// By the serial of the cgroup.
    seats: HashMap<u64, Seat>,
    round: u64,
}

/// The process that stands for a cgroup.
#[derive(Debug)]
struct Seat {
    pid: u32,
    /// `None` where it is not known, or not for us to know.
    namespace: Option<u64>,
    /// When the process started, in ticks since the boot; read where it is needed.
    start: Option<u64>,
    /// Reads in which the namespace is still looked up each time.
    young: u8,
}

/// A cgroup that tells of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Teller {
    /// Its place in the list of members.
    pub member: usize,
    /// The process through which the namespace is read.
    pub pid: u32,
    pub namespace: u64,
    /// The serial of the cgroup of that process; `None` for the host's.
    seat: Option<u64>,
}

impl Namespaces {
    /// Who tells of which namespace. Failures are taken down for `set`.
    pub(super) fn tellers(
        &mut self,
        members: &[Member],
        files: &mut Files,
        set: MetricSet,
    ) -> Vec<Teller> {
        self.round += 1;
        let host = files.inode(FIRST_PROCESS, FILE);
        // Without it a container in the host's namespace could not be told from one in its own.
        let Some(host) = files.note(set, (FIRST_PROCESS, FILE), host) else { return Vec::new() };
        self.seat(members, files, set);
        let root = members.iter().position(|member| member.path == "/");
        let mut tellers: Vec<Teller> = root
            .map(|member| Teller { member, pid: FIRST_PROCESS, namespace: host, seat: None })
            .into_iter()
            .collect();
        if self.seats.values().any(|s| s.namespace.is_some_and(|inode| inode != host)) {
            let claims = self.claims(members, host, files);
            tellers.extend(self.choose(claims, files));
        }
        tellers
    }

    /// Corrects what is remembered where a read found another namespace than was expected.
    pub(super) fn moved(&mut self, teller: &Teller, namespace: u64) {
        if let Some(seat) = teller.seat.and_then(|serial| self.seats.get_mut(&serial)) {
            *seat = Seat { namespace: Some(namespace), ..Seat::new(seat.pid) };
        }
    }

    /// Brings the seats up to date.
    fn seat(&mut self, members: &[Member], files: &mut Files, set: MetricSet) {
        let mut seated = 0;
        for member in members.iter().filter(|m| m.path != "/" && !m.pids.is_empty()) {
            seated += 1;
            let seat = self.seats.entry(member.serial).or_insert_with(|| Seat::new(member.pids[0]));
            if !member.pids.contains(&seat.pid) {
                *seat = Seat::new(member.pids[0]);
            }
            // Old ones take turns.
            let turn = (self.round + member.serial).is_multiple_of(READS_BETWEEN_CHECKS);
            if seat.young > 0 || turn {
                seat.young = seat.young.saturating_sub(1);
                seat.look_up(member, files, set);
            }
        }
        if self.seats.len() > seated {
            let alive: HashSet<u64> =
                members.iter().filter(|m| !m.pids.is_empty()).map(|m| m.serial).collect();
            self.seats.retain(|serial, _| alive.contains(serial));
        }
    }

    /// The cgroups that are in another namespace than their parent, by namespace.
    fn claims(
        &mut self,
        members: &[Member],
        host: u64,
        files: &Files,
    ) -> HashMap<u64, Vec<Teller>> {
        let lineage = Lineage::new(members);
        let heads = self.heads(members, &lineage, files);
        let mut within: Vec<u64> = Vec::with_capacity(members.len());
        let mut claims: HashMap<u64, Vec<Teller>> = HashMap::new();
        for (index, member) in members.iter().enumerate() {
            let outside = lineage.parents[index].map_or(host, |parent| within[parent]);
            let seat = heads.get(&index).copied().or(Some(member.serial));
            let known = seat.and_then(|serial| Some((serial, self.seats.get(&serial)?)));
            let namespace = known.and_then(|(_, seat)| seat.namespace);
            within.push(namespace.unwrap_or(outside));
            if let (Some((serial, seat)), Some(namespace)) = (known, namespace)
                && namespace != outside
                && namespace != host
            {
                let teller = Teller { member: index, pid: seat.pid, namespace, seat: Some(serial) };
                claims.entry(namespace).or_default().push(teller);
            }
        }
        claims
    }

    /// For each container without processes of its own the seat of the oldest process below it.
    fn heads(
        &mut self,
        members: &[Member],
        lineage: &Lineage,
        files: &Files,
    ) -> HashMap<usize, u64> {
        let mut heads: HashMap<usize, (u64, u64)> = HashMap::new();
        for (index, member) in members.iter().enumerate() {
            let Some(container) = lineage.containers[index].filter(|at| *at != index) else {
                continue;
            };
            let is_known = |seat: &Seat| seat.namespace.is_some();
            if self.seats.get(&members[container].serial).is_some_and(is_known) {
                continue;
            }
            let Some(seat) = self.seats.get_mut(&member.serial).filter(|s| is_known(s)) else {
                continue;
            };
            let found = (seat.start(files), member.serial);
            heads.entry(container).and_modify(|head| *head = found.min(*head)).or_insert(found);
        }
        heads.into_iter().map(|(container, (_, serial))| (container, serial)).collect()
    }

    /// Of each namespace the cgroup whose process is the oldest.
    fn choose(&mut self, claims: HashMap<u64, Vec<Teller>>, files: &Files) -> Vec<Teller> {
        let mut chosen: Vec<Teller> = Vec::with_capacity(claims.len());
        for claimants in claims.into_values() {
            let alone = claimants.len() == 1;
            let mut age = |teller: &Teller| {
                let seat = teller.seat.and_then(|serial| self.seats.get_mut(&serial));
                (seat.map(|seat| seat.start(files)), teller.member)
            };
            let oldest =
                claimants.into_iter().min_by_key(|t| if alone { (None, 0) } else { age(t) });
            chosen.extend(oldest);
        }
        chosen.sort_unstable_by_key(|teller| teller.member);
        chosen
    }
}

impl Seat {
    fn new(pid: u32) -> Self {
        Self { pid, namespace: None, start: None, young: YOUNG_READS }
    }

    /// Looks the namespace up. A process that has ended makes way for the next of the list.
    fn look_up(&mut self, member: &Member, files: &mut Files, set: MetricSet) {
        let others = member.pids.iter().copied().filter(|pid| *pid != self.pid).take(MOST_ASKED);
        for pid in std::iter::once(self.pid).chain(others) {
            let found = files.inode(pid, FILE);
            if matches!(found, Err(Failure::Gone)) {
                continue;
            }
            let namespace = files.note(set, (pid, FILE), found);
            if pid != self.pid {
                *self = Self::new(pid);
            }
            self.namespace = namespace;
            return;
        }
        self.namespace = None;
    }

    /// When the process started; one that cannot be asked counts as the youngest.
    fn start(&mut self, files: &Files) -> u64 {
        if self.start.is_none() {
            self.start = files.start(self.pid);
        }
        self.start.unwrap_or(u64::MAX)
    }
}
