//! The host's own cgroups as a source of observations, for `loadline up`: what Prometheus would
//! answer, computed from two successive readings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::observed::Observed;
use crate::cgroup::Reading as Kernel;
use crate::promql::Freshness;
use crate::target::{Signal, Target, TargetId};
use crate::units::{Limit, Timestamp};
use crate::window::{Observation, Reading};

/// The rule that all local targets belong to.
pub const RULE: &str = "local";

/// One cgroup worth watching, at one moment.
pub struct Sighting<'a> {
    /// Its path, which is the label `id`.
    pub path: &'a str,
    /// Its inode: a cgroup made anew under the same path has another.
    pub inode: u64,
    /// The container's name, or the unit's.
    pub name: &'a str,
    /// What the kernel says.
    pub reading: &'a Kernel,
}

/// The counters of the reading before, by path.
#[derive(Default)]
pub struct LocalSource {
    before: HashMap<String, Counters>,
}

/// The counters that rates are made of.
#[derive(Clone, Copy)]
struct Counters {
    at: Timestamp,
    inode: u64,
    cpu_ns: Option<u64>,
    periods: Option<u64>,
    throttled_periods: Option<u64>,
    cpu_stalled_us: Option<u64>,
    memory_stalled_us: Option<u64>,
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
}

impl Counters {
    fn of(seen: &Sighting<'_>, at: Timestamp) -> Self {
        let kernel = seen.reading;
        let sum = |of: fn(&crate::cgroup::IoDevice) -> Option<u64>| {
            kernel.io.iter().filter_map(of).reduce(u64::saturating_add)
        };
        Self {
            at,
            inode: seen.inode,
            cpu_ns: kernel.cpu.usage_ns,
            periods: kernel.cpu.periods,
            throttled_periods: kernel.cpu.throttled_periods,
            cpu_stalled_us: kernel.pressure.cpu.some_us,
            memory_stalled_us: kernel.pressure.memory.some_us,
            read_bytes: sum(|d| d.read_bytes),
            written_bytes: sum(|d| d.written_bytes),
        }
    }
}

impl LocalSource {
    /// What one look at the host amounts to. The first look at a cgroup knows no rates: they are
    /// absent, not zero.
    pub fn observe<'a>(
        &mut self,
        at: Timestamp,
        sightings: impl Iterator<Item = Sighting<'a>>,
    ) -> Vec<Observed> {
        let mut now = HashMap::with_capacity(self.before.len());
        let mut observed = Vec::new();
        for seen in sightings {
            let counters = Counters::of(&seen, at);
            let before = self.before.get(seen.path).filter(|b| b.inode == seen.inode);
            let recreated = before.is_none() && self.before.contains_key(seen.path);
            let mut observation = levels(&seen, at);
            if let Some(before) = before {
                rates(&mut observation, before, &counters);
            }
            if recreated {
                for signal in Signal::ALL {
                    let reading = observation.reading(signal);
                    if reading.value.is_some() {
                        let freshness = Freshness::Reset;
                        observation.set(signal, Reading { freshness, ..reading });
                    }
                }
            }
            now.insert(seen.path.to_owned(), counters);
            observed.push(Observed {
                target: target(&seen).into(),
                observation,
                sampled_at: Some(at),
            });
        }
        self.before = now;
        observed
    }
}

fn target(seen: &Sighting<'_>) -> Target {
    let labels = [("id", seen.path), ("name", seen.name)];
    Target {
        id: TargetId::new(RULE, [seen.path]),
        rule: Arc::from(RULE),
        labels: BTreeMap::from(labels.map(|(k, v)| (k.to_owned(), v.to_owned()))),
    }
}

/// What one reading tells by itself.
fn levels(seen: &Sighting<'_>, at: Timestamp) -> Observation {
    let kernel = seen.reading;
    let limit = |limit: Option<Limit<f64>>| limit.and_then(Limit::value);
    let bytes = |value: Option<u64>| value.map(|v| v as f64);
    let memory_limit = kernel.memory.limit.and_then(Limit::value);
    let mut observation = Observation::empty(at);
    let mut set = |signal, value: Option<f64>| {
        if let Some(value) = value {
            observation.set(signal, Reading::fresh(value));
        }
    };
    set(Signal::CpuLimitCores, limit(kernel.cpu.limit_cores()));
    set(Signal::MemoryWorkingSetBytes, bytes(kernel.memory.working_set));
    set(Signal::MemoryLimitBytes, bytes(memory_limit));
    set(Signal::MemorySwapBytes, bytes(kernel.memory.swap));
    set(Signal::OomKills, bytes(kernel.memory.oom_kills));
    set(Signal::Tasks, bytes(kernel.pids.current));
    set(Signal::StartTimeSeconds, kernel.start_time.map(Timestamp::seconds));
    observation
}

/// What only two readings tell. A counter that fell says nothing.
fn rates(observation: &mut Observation, before: &Counters, now: &Counters) {
    let elapsed = now.at.since(before.at);
    if elapsed < Duration::from_millis(1) {
        return;
    }
    let grown = |a: Option<u64>, b: Option<u64>| b?.checked_sub(a?).map(|d| d as f64);
    let per_second = |a, b| grown(a, b).map(|d| d / elapsed.as_secs_f64());
    let mut set = |signal, value: Option<f64>| {
        if let Some(value) = value {
            observation.set(signal, Reading::fresh(value));
        }
    };
    set(Signal::CpuUsageCores, per_second(before.cpu_ns, now.cpu_ns).map(|ns| ns / 1e9));
    let periods = grown(before.periods, now.periods).filter(|p| *p > 0.0);
    let throttled = grown(before.throttled_periods, now.throttled_periods);
    set(Signal::CpuThrottledRatio, throttled.zip(periods).map(|(t, p)| (t / p).min(1.0)));
    let stalled = |a, b| per_second(a, b).map(|us| (us / 1e6).min(1.0));
    set(Signal::CpuPressureRatio, stalled(before.cpu_stalled_us, now.cpu_stalled_us));
    set(Signal::MemoryPressureRatio, stalled(before.memory_stalled_us, now.memory_stalled_us));
    set(Signal::IoReadBytesPerSecond, per_second(before.read_bytes, now.read_bytes));
    set(Signal::IoWrittenBytesPerSecond, per_second(before.written_bytes, now.written_bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(cpu_ns: u64, working_set: u64) -> Kernel {
        let mut kernel = Kernel::default();
        kernel.cpu.usage_ns = Some(cpu_ns);
        kernel.memory.working_set = Some(working_set);
        kernel
    }

    fn look(source: &mut LocalSource, ms: i64, inode: u64, kernel: &Kernel) -> Observation {
        let seen = Sighting { path: "/docker/a", inode, name: "a", reading: kernel };
        let at = Timestamp::from_millis(ms);
        source.observe(at, [seen].into_iter()).remove(0).observation
    }

    #[test]
    fn rates_need_two_looks_at_the_same_cgroup() {
        let mut source = LocalSource::default();
        let first = look(&mut source, 0, 1, &kernel(1_000_000_000, 5));
        assert_eq!(first.value(Signal::CpuUsageCores), None);
        assert_eq!(first.value(Signal::MemoryWorkingSetBytes), Some(5.0));

        let second = look(&mut source, 2_000, 1, &kernel(2_000_000_000, 6));
        assert_eq!(second.value(Signal::CpuUsageCores), Some(0.5));
        assert_eq!(second.reading(Signal::CpuUsageCores).freshness, Freshness::Fresh);

        let recreated = look(&mut source, 4_000, 2, &kernel(9_000_000_000, 7));
        assert_eq!(recreated.value(Signal::CpuUsageCores), None, "a rate over two cgroups");
        assert_eq!(recreated.reading(Signal::MemoryWorkingSetBytes).freshness, Freshness::Reset);
    }

    #[test]
    fn a_counter_that_fell_is_not_a_rate() {
        let mut source = LocalSource::default();
        look(&mut source, 0, 1, &kernel(5_000_000_000, 5));
        let fell = look(&mut source, 1_000, 1, &kernel(1_000_000_000, 5));
        assert_eq!(fell.value(Signal::CpuUsageCores), None);
    }
}
