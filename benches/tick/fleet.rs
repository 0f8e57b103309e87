//! Containers that are made up: what each of them measures at each minute.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use loadline::scaler::observed::Observed;
use loadline::target::{Labels, Signal, Target, TargetId};
use loadline::units::Timestamp;
use loadline::window::{Observation, Reading};

/// The rule that finds them.
pub const RULE: &str = "web";

/// The first row, in seconds since the epoch.
const START: i64 = 1_767_225_600;

const MIB: f64 = 1_048_576.0;

/// The signals that every container has.
pub const SIGNALS: [Signal; 10] = [
    Signal::CpuUsageCores,
    Signal::CpuThrottledRatio,
    Signal::CpuPressureRatio,
    Signal::MemoryWorkingSetBytes,
    Signal::MemoryPressureRatio,
    Signal::IoReadBytesPerSecond,
    Signal::IoWrittenBytesPerSecond,
    Signal::Tasks,
    Signal::CpuLimitCores,
    Signal::MemoryLimitBytes,
];

/// So many containers.
pub struct Fleet {
    pub targets: usize,
}

/// The time of a row.
pub fn at(row: usize) -> Timestamp {
    Timestamp::from_millis((START + row as i64 * 60) * 1000)
}

impl Fleet {
    /// What is seen of each of them in one row.
    pub fn observed(&self, row: usize) -> impl Iterator<Item = Observed> {
        (0..self.targets).map(move |i| {
            let mut observation = Observation::empty(at(row));
            for (signal, value) in SIGNALS.into_iter().zip(values(i, row)) {
                observation.set(signal, Reading::fresh(value));
            }
            Observed { target: target(i).into(), observation, sampled_at: Some(at(row)) }
        })
    }
}

fn target(i: usize) -> Target {
    let labels = labels(i);
    let id = TargetId::new(RULE, [labels["instance"].as_str(), labels["name"].as_str()]);
    Target { id, rule: RULE.into(), labels }
}

/// All labels of a container, as its discovery query returns them.
pub fn labels(i: usize) -> Labels {
    let hash: String = (0..4).map(|part| format!("{:016x}", scramble(i as u64, part))).collect();
    BTreeMap::from(
        [
            ("id", format!("/system.slice/docker-{hash}.scope")),
            ("image", format!("registry.example/shop/service-{}:1.2.{}", i % 40, i % 7)),
            ("instance", format!("host-{}.example:10101", i / 50)),
            ("job", "loadline".to_owned()),
            ("name", format!("service-{}-{i}", i % 40)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// What container `i` measures in a row, in the order of [`SIGNALS`]. Every third container is idle, so
/// that most of its figures stand still; the others follow the day, with noise and bursts, and one in
/// four of them is throttled at times.
pub fn values(i: usize, row: usize) -> [f64; SIGNALS.len()] {
    let noise = |part: u64| scramble((i * 1_000_003 + row) as u64, part) as f64 / u64::MAX as f64;
    let size = 1.0 + (i % 8) as f64;
    let limits = [size / 2.0, size * 256.0 * MIB];
    if i.is_multiple_of(3) {
        let [cpu_limit, memory_limit] = limits;
        let cpu = 0.002 * (1.0 + noise(0));
        let memory = (size * 40.0 * MIB / 4096.0 + 20.0 * noise(1)).floor() * 4096.0;
        return [cpu, 0.0, 0.0, memory, 0.0, 0.0, 0.0, 5.0, cpu_limit, memory_limit];
    }
    let day = 1.0 + 0.5 * (TAU * (row + i) as f64 / 1440.0).sin();
    let burst = if noise(0) > 0.99 { 3.0 } else { 1.0 };
    let load = day * burst * (0.9 + 0.2 * noise(1));
    let throttled = if i.is_multiple_of(4) { (load - 1.4).clamp(0.0, 1.0) } else { 0.0 };
    [
        size * 0.1 * load,
        throttled,
        0.02 * load * noise(2),
        ((size * (120.0 + 20.0 * load) * MIB + noise(3) * MIB) / 4096.0).floor() * 4096.0,
        if noise(4) > 0.95 { 0.01 * noise(5) } else { 0.0 },
        (20_000.0 * load * noise(6)).floor(),
        (80_000.0 * load * noise(7)).floor(),
        (20.0 + 10.0 * load).floor(),
        limits[0],
        limits[1],
    ]
}

/// Bits that look like chance, the same in every run (SplitMix64).
fn scramble(value: u64, part: u64) -> u64 {
    let mut z =
        value.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
