//! Time that threads ran and waited for a core.
//!
//! The kernel counts it thread by thread and forgets a thread that has ended. So what is told of a cgroup
//! is a sum of our own: each read adds what every thread of it has run since the read before. It never
//! falls while the cgroup lives; what a thread ran between the last read and its end is missing in it.

use std::collections::HashMap;
use std::fs;
use std::ops::AddAssign;

use super::Member;
use super::file::{Failure, Files, bad, number, words};
use super::lineage::Lineage;
use crate::metric_set::MetricSet;

/// Time of the threads of a cgroup and of all below it, since they were first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Time on a core, nanoseconds.
    pub run_ns: u64,
    /// Time ready to run and waiting for a core, nanoseconds.
    pub wait_ns: u64,
    /// How often a thread was put on a core.
    pub periods: u64,
}

impl AddAssign for Schedule {
    fn add_assign(&mut self, other: Self) {
        self.run_ns = self.run_ns.saturating_add(other.run_ns);
        self.wait_ns = self.wait_ns.saturating_add(other.wait_ns);
        self.periods = self.periods.saturating_add(other.periods);
    }
}

impl Schedule {
    /// What was added since `before`. Where a number fell, the thread is another one of the same id.
    fn since(self, before: Self) -> Self {
        let less = || {
            Some(Self {
                run_ns: self.run_ns.checked_sub(before.run_ns)?,
                wait_ns: self.wait_ns.checked_sub(before.wait_ns)?,
                periods: self.periods.checked_sub(before.periods)?,
            })
        };
        less().unwrap_or(self)
    }
}

/// What is remembered between reads.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    /// What the kernel last said of each thread, and in which round.
    threads: HashMap<u32, (Schedule, u64)>,
    /// By the serial of the cgroup.
    groups: HashMap<u64, Group>,
    round: u64,
}

/// One cgroup.
#[derive(Debug, Default)]
struct Group {
    /// Of its own threads, and of cgroups below it that are gone.
    sum: Schedule,
    /// The serial of the cgroup above.
    parent: Option<u64>,
    round: u64,
}

impl Schedules {
    /// Starts a read.
    pub(super) fn begin(&mut self) {
        self.round += 1;
    }

    /// Adds what the threads of one cgroup have run.
    pub(super) fn add(&mut self, member: &Member, files: &mut Files) {
        let mut sum = Schedule::default();
        for pid in member.pids {
            let threads = threads(files, *pid);
            let threads = files.note(MetricSet::Sched, (*pid, "task"), threads);
            for thread in threads.into_iter().flatten() {
                let name = format!("task/{thread}/schedstat");
                let found = files.read(*pid, &name, schedstat);
                let Some((_, now)) = files.note(MetricSet::Sched, (*pid, &name), found) else {
                    continue;
                };
                let before = self.threads.insert(thread, (now, self.round));
                sum += now.since(before.map(|(schedule, _)| schedule).unwrap_or_default());
            }
        }
        self.groups.entry(member.serial).or_default().sum += sum;
    }

    /// Ends a read that came to its end: forgets threads and cgroups that are gone.
    pub(super) fn forget(&mut self) {
        let round = self.round;
        self.threads.retain(|_, (_, seen)| *seen == round);
    }

    /// The sums over subtrees, one for each cgroup. What a removed cgroup ran stays with the one above.
    pub(super) fn sums(&mut self, members: &[Member]) -> Vec<Schedule> {
        let lineage = Lineage::new(members);
        for (member, parent) in members.iter().zip(&lineage.parents) {
            let group = self.groups.entry(member.serial).or_default();
            group.parent = parent.map(|parent| members[parent].serial);
            group.round = self.round;
        }
        self.bequeath();
        let mut sums: Vec<Schedule> = members
            .iter()
            .map(|m| self.groups.get(&m.serial).map(|g| g.sum).unwrap_or_default())
            .collect();
        for index in (0..members.len()).rev() {
            if let Some(parent) = lineage.parents[index] {
                let sum = sums[index];
                sums[parent] += sum;
            }
        }
        sums
    }

    /// Gives the sum of each cgroup that is gone to the nearest one above it that is still there.
    fn bequeath(&mut self) {
        let round = self.round;
        let gone: Vec<u64> = self
            .groups
            .iter()
            .filter(|(_, g)| g.round != round)
            .map(|(serial, _)| *serial)
            .collect();
        let heirs: Vec<(u64, Schedule)> = gone
            .iter()
            .filter_map(|serial| {
                let mut group = self.groups.get(serial)?;
                let sum = group.sum;
                loop {
                    let parent = group.parent?;
                    group = self.groups.get(&parent)?;
                    if group.round == round {
                        return Some((parent, sum));
                    }
                }
            })
            .collect();
        for (heir, sum) in heirs {
            self.groups.entry(heir).or_default().sum += sum;
        }
        for serial in gone {
            self.groups.remove(&serial);
        }
    }
}

/// The threads of a process.
fn threads(files: &Files, pid: u32) -> Result<Vec<u32>, Failure> {
    let entries = fs::read_dir(files.path(pid, "task"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// `schedstat`: nanoseconds run, nanoseconds waited, times run.
pub(super) fn schedstat(text: &[u8]) -> Result<Schedule, Failure> {
    let mut numbers = words(text).map(number);
    let mut next = || numbers.next().flatten();
    match (next(), next(), next()) {
        (Some(run_ns), Some(wait_ns), Some(periods)) => Ok(Schedule { run_ns, wait_ns, periods }),
        _ => Err(bad(1, "three numbers", text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_thread_id_used_again_counts_from_its_start() {
        let of = |run_ns, periods| Schedule { run_ns, wait_ns: 0, periods };
        assert_eq!(of(9, 3).since(of(5, 2)), of(4, 1));
        assert_eq!(of(9, 3).since(of(5, 4)), of(9, 3));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = schedstat(&text);
        }

        #[test]
        fn what_the_kernel_writes_is_read(run_ns: u64, wait_ns: u64, periods: u64) {
            let text = format!("{run_ns} {wait_ns} {periods}\n");
            let read = schedstat(text.as_bytes()).expect("readable");
            prop_assert_eq!(read, Schedule { run_ns, wait_ns, periods });
        }
    }
}
