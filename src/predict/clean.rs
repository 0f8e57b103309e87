//! Records as they were collected → records to learn from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::features::kubernetes::{Metric, Record};
use crate::features::quantile;

/// The longest response time that counts, in milliseconds: beyond it a time-out was measured.
const LONGEST_RESPONSE: f64 = 10_000.0;

/// What a service asks for and is allowed.
const SIZES: [Metric; 4] =
    [Metric::CpuRequest, Metric::CpuLimit, Metric::RamRequest, Metric::RamLimit];

/// What says that a service does something.
const LOAD: [Metric; 4] = [Metric::Cpu, Metric::Ram, Metric::Requests, Metric::ResponseTime];

/// What was done to records, in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaning {
    /// With a CPU or memory above 100 %, or a response time above ten seconds: set to that.
    pub capped: usize,
    /// No replica, but load: dropped.
    pub contradictory: usize,
    /// Replicas, but neither CPU nor memory nor requests nor a response time: dropped.
    pub silent: usize,
    /// Of the same service and moment as a later one: dropped.
    pub repeated: usize,
    /// What is left.
    pub kept: usize,
    /// Whether there was never more than one replica: then there is nothing to learn.
    pub single_replica: bool,
}

/// Sorts `records` by service and time, and keeps those that can be.
pub fn clean(records: &mut Vec<Record>) -> Cleaning {
    let mut cleaning = Cleaning::default();
    for record in records.iter_mut() {
        cleaning.capped += usize::from(cap(record));
    }
    let before = records.len();
    records.retain(|record| !is_contradictory(record));
    cleaning.contradictory = before - records.len();
    let before = records.len();
    records.retain(|record| !is_silent(record));
    cleaning.silent = before - records.len();
    // Of equal keys the order of reading stays, so that the last one is the latest word.
    records.sort_by(|a, b| (&a.service, a.at).cmp(&(&b.service, b.at)));
    let before = records.len();
    records.reverse();
    records.dedup_by(|a, b| (&a.service, a.at) == (&b.service, b.at));
    records.reverse();
    cleaning.repeated = before - records.len();
    cleaning.kept = records.len();
    cleaning.single_replica =
        records.iter().all(|record| record.replicas.is_none_or(|count| count <= 1.0));
    cleaning
}

/// Sets what cannot be to the most that can; tells whether there was anything.
pub fn cap(record: &mut Record) -> bool {
    let mut capped = false;
    for (metric, most) in
        [(Metric::Cpu, 100.0), (Metric::Ram, 100.0), (Metric::ResponseTime, LONGEST_RESPONSE)]
    {
        if record.get(metric).is_some_and(|value| value > most) {
            record.set(metric, most);
            capped = true;
        }
    }
    capped
}

fn is_contradictory(record: &Record) -> bool {
    let loaded = |metric| record.get(metric).is_some_and(|value| value > 0.0);
    record.replicas == Some(0.0) && LOAD.into_iter().any(loaded)
}

fn is_silent(record: &Record) -> bool {
    let running = record.replicas.is_some_and(|count| count > 0.0);
    running && LOAD.into_iter().all(|metric| record.get(metric) == Some(0.0))
}

/// What each service usually asks for and is allowed, for records in which all of that is zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsualSizes(BTreeMap<Arc<str>, [Option<f64>; SIZES.len()]>);

impl UsualSizes {
    /// The medians of each service's records with sizes.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut values: BTreeMap<Arc<str>, [Vec<f64>; SIZES.len()]> = BTreeMap::new();
        for record in records {
            let of_service = values.entry(Arc::clone(&record.service)).or_default();
            if lacks_sizes(record) {
                continue;
            }
            for (values, metric) in of_service.iter_mut().zip(SIZES) {
                values.extend(record.get(metric));
            }
        }
        let median = |mut values: Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            (!values.is_empty()).then(|| quantile(&values, 0.5))
        };
        Self(values.into_iter().map(|(service, values)| (service, values.map(median))).collect())
    }

    /// Gives `record` the usual sizes where its own are all zero; where none are known they are missing.
    pub fn fill(&self, record: &mut Record) {
        if !lacks_sizes(record) {
            return;
        }
        let usual = self.0.get(&record.service).copied().unwrap_or_default();
        for (metric, value) in SIZES.into_iter().zip(usual) {
            record.metrics[metric as usize] = value;
        }
    }
}

fn lacks_sizes(record: &Record) -> bool {
    SIZES.into_iter().all(|metric| record.get(metric) == Some(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timestamp;

    fn record(service: &str, second: i64, metrics: &[(Metric, f64)], replicas: f64) -> Record {
        let at = Timestamp::from_millis(second * 1000);
        let mut record = Record::empty(at, service.into());
        metrics.iter().for_each(|(metric, value)| record.set(*metric, *value));
        record.replicas = Some(replicas);
        record
    }

    #[test]
    fn what_cannot_be_is_capped_or_dropped() {
        use Metric::*;
        let nothing = LOAD.map(|metric| (metric, 0.0));
        let mut records = vec![
            record("b", 60, &[(Cpu, 150.0), (Ram, 100.0), (ResponseTime, 30_000.0)], 2.0),
            record("a", 30, &[(Cpu, 5.0)], 0.0),
            record("a", 0, &nothing, 0.0),
            record("a", 60, &nothing, 1.0),
            record("a", 90, &nothing[1..], 1.0),
            record("b", 30, &[(Cpu, 1.0)], 1.0),
            record("b", 30, &[(Cpu, 2.0)], 1.0),
        ];
        let cleaning = clean(&mut records);
        let expected = Cleaning {
            capped: 1,
            contradictory: 1,
            silent: 1,
            repeated: 1,
            kept: 4,
            single_replica: false,
        };
        assert_eq!(cleaning, expected);
        let rows: Vec<_> = records
            .iter()
            .map(|r| (&*r.service, r.at.millis() / 1000, r.get(Cpu), r.get(ResponseTime)))
            .collect();
        assert_eq!(
            rows,
            [
                ("a", 0, Some(0.0), Some(0.0)),
                ("a", 90, None, Some(0.0)),
                ("b", 30, Some(2.0), None),
                ("b", 60, Some(100.0), Some(10_000.0)),
            ]
        );
        assert!(clean(&mut vec![record("a", 0, &[(Cpu, 1.0)], 1.0)]).single_replica);
    }

    #[test]
    fn sizes_of_zero_become_the_usual_ones() {
        let sizes = |values: [f64; 4]| -> Vec<_> { SIZES.into_iter().zip(values).collect() };
        let known = [
            record("a", 0, &sizes([1.0, 2.0, 3.0, 4.0]), 1.0),
            record("a", 1, &sizes([3.0, 2.0, 3.0, 8.0]), 1.0),
            record("a", 2, &sizes([0.0; 4]), 1.0),
        ];
        let usual = UsualSizes::of(&known);
        let mut zero = known[2].clone();
        usual.fill(&mut zero);
        assert_eq!(SIZES.map(|metric| zero.get(metric)), [2.0, 2.0, 3.0, 6.0].map(Some));
        let mut stranger = record("b", 2, &sizes([0.0; 4]), 1.0);
        usual.fill(&mut stranger);
        assert_eq!(stranger.get(Metric::CpuLimit), None);
        let mut partly = record("a", 3, &sizes([0.0, 0.0, 0.0, 5.0]), 1.0);
        usual.fill(&mut partly);
        assert_eq!(partly.get(Metric::CpuRequest), Some(0.0));
    }
}
