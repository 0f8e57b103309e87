//! Records → rows with labels, in the order of time.

use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::clean::UsualSizes;
use super::label::{LOOK_AHEAD, by_thresholds, needed};
use crate::features::kubernetes::{Extractor, Record};
use crate::features::{Features, Follows, OutOfOrder, Pace, Schema};
use crate::units::Timestamp;

/// Fewer rows than these teach nothing.
const FEWEST_ROWS: usize = 100;

/// Shares of the rows, by time: to fit, and to fit or to say when to stop.
pub(super) const FIT_SHARE: f64 = 0.6;
pub(super) const KNOWN_SHARE: f64 = 0.8;

/// How the features of a service become a row of numbers. It travels with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    features: Schema,
    services: Vec<Arc<str>>,
    /// For records whose sizes are all zero.
    pub(super) usual: UsualSizes,
}

impl Inputs {
    /// Of these features of these services.
    pub fn new(features: Schema, mut services: Vec<Arc<str>>, usual: UsualSizes) -> Self {
        services.sort_unstable();
        services.dedup();
        Self { features, services, usual }
    }

    /// What the features mean.
    pub fn features(&self) -> &Schema {
        &self.features
    }

    /// The services that are known, by name.
    pub fn services(&self) -> &[Arc<str>] {
        &self.services
    }

    /// The columns of a row: the features, then `service_NAME` for each service.
    pub fn names(&self) -> Vec<String> {
        let services = self.services.iter().map(|service| format!("service_{service}"));
        self.features.names().iter().cloned().chain(services).collect()
    }

    /// The row of a service; not a number where a feature is missing. `None` for a service that is not
    /// known.
    pub fn row(&self, features: &Features, service: &str) -> Option<Vec<f64>> {
        let place = self.services.binary_search_by(|known| (**known).cmp(service)).ok()?;
        let features = features.values().map(|value| value.unwrap_or(f64::NAN));
        let services = (0..self.services.len()).map(|other| f64::from(other == place));
        Some(features.chain(services).collect())
    }
}

/// Why there is nothing to learn from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// Too few rows.
    #[error(
        "expected at least {FEWEST_ROWS} rows with a replica count and {LOOK_AHEAD} rows after them \
         to learn from, found {rows}"
    )]
    TooFew {
        /// How many there are.
        rows: usize,
    },
    /// Too few samples of an instance.
    #[error(
        "expected at least 100 rows with 60 rows before and a minute after them to learn from, found {rows}"
    )]
    TooFewSamples {
        /// How many there are.
        rows: usize,
    },
    /// All rows are of a few moments.
    #[error(
        "expected rows of many moments, so that the later ones can judge what the earlier ones taught"
    )]
    NoTime,
    /// Records out of order.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
}

/// Rows in the order of their time, of all services.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What a row means.
    pub inputs: Inputs,
    /// The rows: (row, input).
    pub rows: Array2<f64>,
    /// What each row says beside its inputs.
    pub examples: Vec<Example>,
}

/// What a row says beside its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The moment.
    pub at: Timestamp,
    /// Which of [`Inputs::services`].
    pub service: usize,
    /// The replicas that there are.
    pub current: Option<f64>,
    /// The replicas that thresholds ask for.
    pub by_thresholds: Option<f64>,
    /// The replicas needed, and the last moment which that rests on.
    pub label: Option<(f64, Timestamp)>,
    /// The row before, of the same service and without a pause between.
    pub previous: Option<usize>,
}

/// Rows by their use. Of each part all labels rest on moments before the next part begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The first 60 %: to fit.
    pub fit: Vec<usize>,
    /// The next 20 %: to say when to stop; models that need no such word learn from them too.
    pub stop: Vec<usize>,
    /// The last 20 %: to judge.
    pub test: Vec<usize>,
    /// When the last part begins.
    pub test_from: Timestamp,
}

impl Dataset {
    /// The rows of cleaned records: sorted by service and time, each moment once.
    ///
    /// # Errors
    /// Records that are not sorted.
    pub fn new(records: &[Record]) -> Result<Self, DatasetError> {
        let usual = UsualSizes::of(earliest(records));
        let services = records.iter().map(|record| Arc::clone(&record.service)).collect();
        let features = (*crate::features::kubernetes::schema()).clone();
        Self::with_inputs(records, Inputs::new(features, services, usual))
    }

    /// The same, as a model with these inputs sees it: services that it does not know are left out.
    ///
    /// # Errors
    /// Records that are not sorted.
    pub fn with_inputs(records: &[Record], inputs: Inputs) -> Result<Self, DatasetError> {
        let mut rows = Vec::with_capacity(records.len());
        for records in records.chunk_by(|a, b| a.service == b.service) {
            add_service(&inputs, records, &mut rows)?;
        }
        Ok(in_order_of_time(inputs, rows))
    }

    /// The rows by their use, split at moments that are the same for all services.
    ///
    /// # Errors
    /// Too few rows with labels, or too few moments.
    pub fn split(&self) -> Result<Split, DatasetError> {
        let labelled: Vec<(usize, Timestamp, Timestamp)> = self
            .examples
            .iter()
            .enumerate()
            .filter_map(|(row, example)| Some((row, example.at, example.label?.1)))
            .collect();
        if labelled.len() < FEWEST_ROWS {
            return Err(DatasetError::TooFew { rows: labelled.len() });
        }
        let from = |share: f64| labelled[(share * labelled.len() as f64) as usize].1;
        let (stop_from, test_from) = (from(FIT_SHARE), from(KNOWN_SHARE));
        let part = |start: Timestamp, end: Timestamp| -> Vec<usize> {
            let within =
                |(_, at, until): &&(usize, Timestamp, Timestamp)| *at >= start && *until < end;
            labelled.iter().filter(within).map(|(row, _, _)| *row).collect()
        };
        let (first, end) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        let fit = part(first, stop_from);
        let (stop, test) = (part(stop_from, test_from), part(test_from, end));
        if fit.is_empty() || stop.is_empty() || test.is_empty() {
            return Err(DatasetError::NoTime);
        }
        Ok(Split { fit, stop, test, test_from })
    }

    /// The labels of these rows; zero for a row that has none.
    pub fn labels(&self, rows: &[usize]) -> Vec<f64> {
        let label = |row: &usize| self.examples[*row].label.map_or(0.0, |(label, _)| label);
        rows.iter().map(label).collect()
    }

    /// The last `count` rows of `row`'s service up to it, without a pause between, fewer where there are
    /// fewer; the oldest first.
    pub fn last_rows(&self, row: usize, count: usize) -> Vec<Vec<f64>> {
        let before = |row: &usize| self.examples[*row].previous;
        let places = std::iter::successors(Some(row), before).take(count);
        let mut rows: Vec<_> = places.map(|place| self.rows.row(place).to_vec()).collect();
        rows.reverse();
        rows
    }
}

/// The records that surely come before the last part by time.
fn earliest(records: &[Record]) -> impl Iterator<Item = &Record> {
    let mut times: Vec<Timestamp> = records.iter().map(|record| record.at).collect();
    times.sort_unstable();
    let end = times.get((FIT_SHARE * times.len() as f64) as usize).copied();
    records.iter().filter(move |record| end.is_none_or(|end| record.at < end))
}

/// Appends the rows of one service.
fn add_service(
    inputs: &Inputs,
    records: &[Record],
    rows: &mut Vec<(Vec<f64>, Example)>,
) -> Result<(), DatasetError> {
    let filled = |record: &Record| {
        let mut record = record.clone();
        inputs.usual.fill(&mut record);
        record
    };
    let records: Vec<Record> = records.iter().map(filled).collect();
    let known = |service| inputs.services.binary_search(service).ok();
    let Some(service) = records.first().and_then(|record| known(&record.service)) else {
        return Ok(());
    };
    let ends = ends_of_runs(&records)?;
    let (mut extractor, first) = (Extractor::default(), rows.len());
    for (place, record) in records.iter().enumerate() {
        let features = extractor.push(record.clone())?;
        let row = inputs.row(&features, &record.service).unwrap_or_default();
        let next = records.get(place + 1..=place + LOOK_AHEAD);
        let next = next.filter(|_| place + LOOK_AHEAD < ends[place]);
        let label = next
            .zip(record.replicas)
            .and_then(|(next, current)| Some((needed(current, next)?, next.last()?.at)));
        let follows = place > 0 && ends[place - 1] == ends[place];
        let example = Example {
            at: record.at,
            service,
            current: record.replicas,
            by_thresholds: record.replicas.map(|current| by_thresholds(current, record)),
            label,
            previous: follows.then(|| first + place - 1),
        };
        rows.push((row, example));
    }
    Ok(())
}

/// For each record where its run ends: the place of the first record after the next pause.
fn ends_of_runs(records: &[Record]) -> Result<Vec<usize>, OutOfOrder> {
    let mut pace = Pace::default();
    let mut starts = Vec::new();
    for (place, record) in records.iter().enumerate() {
        if pace.step(record.at)? == Follows::Anew {
            starts.push(place);
        }
    }
    starts.push(records.len());
    let runs = starts.windows(2).flat_map(|run| std::iter::repeat_n(run[1], run[1] - run[0]));
    Ok(runs.collect())
}

fn in_order_of_time(inputs: Inputs, rows: Vec<(Vec<f64>, Example)>) -> Dataset {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| (rows[*row].1.at, rows[*row].1.service));
    let mut place = vec![0; rows.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let width = inputs.names().len();
    let mut matrix = Array2::zeros((rows.len(), width));
    let mut examples = Vec::with_capacity(rows.len());
    for (mut to, old) in matrix.rows_mut().into_iter().zip(&order) {
        let (row, example) = &rows[*old];
        to.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        let previous = example.previous.map(|previous| place[previous]);
        examples.push(Example { previous, ..example.clone() });
    }
    Dataset { inputs, rows: matrix, examples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::kubernetes::Metric;

    fn records(service: &str, steps: impl IntoIterator<Item = i64>) -> Vec<Record> {
        let record = |step: i64| {
            let mut record = Record::empty(Timestamp::from_millis(step * 30_000), service.into());
            record.set(Metric::Cpu, if step % 40 < 20 { 20.0 } else { 80.0 });
            record.set(Metric::Ram, 20.0);
            record.set(Metric::CpuLimit, 1.0);
            record.replicas = Some(3.0);
            record
        };
        steps.into_iter().map(record).collect()
    }

    fn two_services() -> Dataset {
        let mut all = records("a", 0..100);
        all.extend(records("b", (0..60).chain(200..260)));
        Dataset::new(&all).expect("sorted")
    }

    #[test]
    fn rows_are_in_the_order_of_time_and_know_the_one_before() {
        let dataset = two_services();
        assert_eq!(dataset.rows.dim(), (220, 35));
        assert!(dataset.examples.is_sorted_by_key(|example| example.at));
        assert_eq!(dataset.inputs.names()[33..], ["service_a", "service_b"]);
        for (row, example) in dataset.examples.iter().enumerate() {
            let one_hot = [dataset.rows[(row, 33)], dataset.rows[(row, 34)]];
            assert_eq!(one_hot[example.service], 1.0);
            assert_eq!(one_hot[1 - example.service], 0.0);
            let Some(previous) = example.previous else { continue };
            let before = &dataset.examples[previous];
            assert_eq!(before.service, example.service);
            assert_eq!(example.at.since(before.at).as_secs(), 30);
        }
        let firsts = dataset.examples.iter().filter(|example| example.previous.is_none()).count();
        assert_eq!(firsts, 3, "two services and a pause");
        let last = dataset.examples.len() - 1;
        let rows = dataset.last_rows(last, 12);
        assert_eq!((rows.len(), rows[11][0]), (12, dataset.rows[(last, 0)]));
        assert!(rows.iter().all(|row| row[34] == rows[11][34]), "of the same service");
        assert_eq!(dataset.last_rows(0, 12).len(), 1);
    }

    #[test]
    fn labels_need_ten_records_without_a_pause() {
        let dataset = two_services();
        let labelled = |service| {
            let of = dataset.examples.iter().filter(|e| e.service == service && e.label.is_some());
            of.map(|e| e.at.millis() / 30_000).collect::<Vec<_>>()
        };
        assert_eq!(labelled(0), (0..90).collect::<Vec<_>>());
        assert_eq!(labelled(1), (0..50).chain(200..250).collect::<Vec<_>>());
        let label = |step: i64| {
            let at = |e: &&Example| e.at.millis() == step * 30_000 && e.service == 0;
            dataset.examples.iter().find(at).and_then(|e| e.label).map(|(label, _)| label)
        };
        assert_eq!((label(0), label(9), label(10)), (Some(2.0), Some(2.0), Some(4.0)));
    }

    #[test]
    fn no_label_looks_into_the_next_part() {
        let dataset = two_services();
        let split = dataset.split().expect("enough rows");
        let at = |row: &usize| dataset.examples[*row].at;
        let until = |row: &usize| dataset.examples[*row].label.expect("labelled").1;
        let start = |rows: &[usize]| rows.iter().map(at).min().expect("rows");
        let end = |rows: &[usize]| rows.iter().map(until).max().expect("rows");
        assert!(end(&split.fit) < start(&split.stop));
        assert!(end(&split.stop) < split.test_from);
        assert_eq!(start(&split.test), split.test_from);
        assert_eq!(dataset.labels(&split.test).len(), split.test.len());
        let few = Dataset::new(&records("a", 0..50)).expect("sorted");
        assert_eq!(few.split(), Err(DatasetError::TooFew { rows: 40 }));
    }

    #[test]
    fn what_is_only_in_the_test_part_is_not_known_before() {
        let mut all = records("a", 0..100);
        for (step, record) in all.iter_mut().enumerate() {
            let size = if step < 80 { 2.0 } else { 9.0 };
            for metric in
                [Metric::CpuRequest, Metric::CpuLimit, Metric::RamRequest, Metric::RamLimit]
            {
                record.set(metric, if step == 99 { 0.0 } else { size });
            }
        }
        let dataset = Dataset::new(&all).expect("sorted");
        assert_eq!(dataset.rows[(99, Metric::CpuLimit as usize)], 2.0);
    }
}
