//! The contract: one row a family. Names and labels are cAdvisor's, so that dashboards and rules written
//! for it work unchanged; where a value differs, the row says why.
//!
//! One file a metric set, as the [`MetricSet`]s are switched on and off.

mod cpu;
mod cpu_topology;
mod cpuset;
mod descriptors;
mod disk;
mod diskio;
mod hugetlb;
mod identity;
mod load;
mod machine;
mod memory;
mod memory_numa;
mod network;
mod oom_event;
mod pressure;
mod process;
mod sched;
mod sockets;
mod spec;

use super::family::Family;
use super::own;
use super::write::Number::{self, Whole};
use crate::cgroup::Count;
use crate::metric_set::MetricSet as S;
use crate::units::Limit;

/// Every family in the order of the exposition, with the set it belongs to; `None` is always there.
static TABLE: &[(Option<S>, &[Family])] = &[
    (Some(S::Cpu), cpu::FAMILIES),
    (Some(S::Memory), memory::FAMILIES),
    (Some(S::OomEvent), oom_event::FAMILIES),
    (Some(S::Pressure), pressure::FAMILIES),
    (Some(S::DiskIo), diskio::FAMILIES),
    (Some(S::Disk), disk::FAMILIES),
    (Some(S::Network), network::FAMILIES),
    (Some(S::Sched), sched::FAMILIES),
    (Some(S::Descriptors), descriptors::FAMILIES),
    (Some(S::Tcp), sockets::TCP),
    (Some(S::Udp), sockets::UDP),
    (Some(S::AdvTcp), sockets::ADVANCED_TCP),
    (Some(S::Process), process::FAMILIES),
    (None, identity::FAMILIES),
    (Some(S::Spec), spec::FAMILIES),
    (Some(S::MemoryNuma), memory_numa::FAMILIES),
    (Some(S::HugeTlb), hugetlb::FAMILIES),
    (Some(S::CpuSet), cpuset::FAMILIES),
    (None, load::FAMILIES),
    (None, machine::FAMILIES),
    (Some(S::CpuTopology), cpu_topology::FAMILIES),
    (None, own::FAMILIES),
    (Some(S::Disk), disk::OWN_FAMILIES),
];

/// Every family in the order of the exposition, with its set.
pub fn families() -> impl Iterator<Item = (Option<S>, &'static Family)> {
    TABLE.iter().flat_map(|(set, families)| families.iter().map(|family| (*set, family)))
}

const OMITTED: &str = "left out where the kernel does not tell; cAdvisor prints 0";

/// The source where a version of cgroups has none.
const NOT_TOLD: &str = "not told";

/// What `--compat=cadvisor` does to most families.
const ZEROS: &str = "0 where the kernel does not tell";

fn count(value: Option<Count>) -> Option<Number> {
    value.map(|value| Whole(value.get()))
}

/// No limit is 0, as in cAdvisor.
fn or_zero(limit: Limit<u64>) -> Number {
    Whole(limit.value().unwrap_or(0))
}
