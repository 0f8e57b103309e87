//! What a service would have needed, told by what came next.

use crate::features::kubernetes::{Metric, Record, pressure};
use crate::features::quantile;

/// How many records are looked at after the current one: five minutes of records every 30 seconds.
pub const LOOK_AHEAD: usize = 10;

/// Below these a service has more than it needs.
const IDLE_CPU: f64 = 30.0;
const IDLE_RAM: f64 = 35.0;

/// The fewest and the most replicas that a model tells.
pub const REPLICAS: (f64, f64) = (1.0, 10.0);

/// The replicas needed, from those there are and the [`LOOK_AHEAD`] records that follow without a pause:
/// one more where CPU, memory or response time comes under pressure, one less where CPU and memory stay
/// idle. Pressure counts before idleness. `None` where CPU and memory of what follows are not known.
pub fn needed(current: f64, next: &[Record]) -> Option<f64> {
    let highest = |metric| next.iter().filter_map(|record| record.get(metric)).reduce(f64::max);
    let (cpu, ram) = (highest(Metric::Cpu), highest(Metric::Ram));
    if cpu.is_none() && ram.is_none() {
        return None;
    }
    let mut times: Vec<f64> =
        next.iter().filter_map(|record| record.get(Metric::ResponseTime)).collect();
    times.sort_unstable_by(f64::total_cmp);
    let slow = !times.is_empty() && quantile(&times, 0.95) > pressure::RESPONSE_TIME;
    Some(step(current, cpu, ram, slow))
}

/// The replicas that the thresholds ask for now: what a rule without a model does.
pub fn by_thresholds(current: f64, record: &Record) -> f64 {
    let above = |metric, limit| record.get(metric).is_some_and(|value| value > limit);
    let strained = above(Metric::ResponseTime, pressure::RESPONSE_TIME)
        || above(Metric::ErrorRate, pressure::ERROR_RATE);
    step(current, record.get(Metric::Cpu), record.get(Metric::Ram), strained)
}

fn step(current: f64, cpu: Option<f64>, ram: Option<f64>, strained: bool) -> f64 {
    let busy = cpu.is_some_and(|cpu| cpu > pressure::CPU)
        || ram.is_some_and(|ram| ram > pressure::RAM)
        || strained;
    let idle = cpu.is_some_and(|cpu| cpu < IDLE_CPU) && ram.is_some_and(|ram| ram < IDLE_RAM);
    let (fewest, most) = REPLICAS;
    match (busy, idle) {
        (true, _) => (current + 1.0).min(most),
        (false, true) => (current - 1.0).max(fewest),
        (false, false) => current,
    }
}

/// Whether a service of this CPU and memory use is idle.
pub fn is_idle(cpu: f64, ram: f64) -> bool {
    cpu < IDLE_CPU && ram < IDLE_RAM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timestamp;

    fn records(rows: &[(f64, f64, f64)]) -> Vec<Record> {
        let record = |(cpu, ram, response): &(f64, f64, f64)| {
            let mut record = Record::empty(Timestamp::default(), "a".into());
            record.set(Metric::Cpu, *cpu);
            record.set(Metric::Ram, *ram);
            record.set(Metric::ResponseTime, *response);
            record
        };
        rows.iter().map(record).collect()
    }

    #[test]
    fn one_more_one_less_or_as_many() {
        let label = |current, rows: &[(f64, f64, f64)]| needed(current, &records(rows));
        let mut rows = [(20.0, 20.0, 100.0); LOOK_AHEAD];
        assert_eq!(label(3.0, &rows), Some(2.0), "idle");
        assert_eq!(label(1.0, &rows), Some(1.0), "the fewest");
        rows[9].0 = 30.0;
        assert_eq!(label(3.0, &rows), Some(3.0), "30 % is not idle");
        rows[9].0 = 70.0;
        assert_eq!(label(3.0, &rows), Some(3.0), "70 % is no pressure");
        rows[9].0 = 70.1;
        assert_eq!(label(3.0, &rows), Some(4.0));
        assert_eq!(label(10.0, &rows), Some(10.0), "the most");
        rows[9].0 = 20.0;
        rows[4].1 = 75.1;
        assert_eq!(label(3.0, &rows), Some(4.0), "memory");
        rows[4].1 = 20.0;
        // Sorted the place of the 95th percentile is 8.55: 100 + 0.55 · (x - 100) > 500 from 827.3 on.
        rows[0].2 = 827.0;
        assert_eq!(label(3.0, &rows), Some(2.0));
        rows[0].2 = 828.0;
        assert_eq!(label(3.0, &rows), Some(4.0), "slow, though idle");
        assert_eq!(needed(3.0, &[Record::empty(Timestamp::default(), "a".into())]), None);
    }

    #[test]
    fn thresholds_look_at_now() {
        let of = |cpu, ram, response| by_thresholds(3.0, &records(&[(cpu, ram, response)])[0]);
        assert_eq!(of(71.0, 50.0, 100.0), 4.0);
        assert_eq!(of(50.0, 76.0, 100.0), 4.0);
        assert_eq!(of(50.0, 50.0, 501.0), 4.0);
        assert_eq!(of(50.0, 50.0, 100.0), 3.0);
        assert_eq!(of(29.0, 34.0, 100.0), 2.0);
        assert_eq!(by_thresholds(3.0, &Record::empty(Timestamp::default(), "a".into())), 3.0);
    }
}
