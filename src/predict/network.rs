//! The network of two branches as a model of replica counts.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Split};
use crate::forecast::ForecastError;
use crate::forecast::neural::{Architecture, Epoch, Kept, Lesson, Regressor};

const ARCHITECTURE: Architecture = Architecture::LstmCnn;

/// How many rows of a service it is shown.
pub const ROWS: usize = ARCHITECTURE.length();

/// A trained network, beside what is kept of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct TwoBranches {
    kept: Kept,
    regressor: Arc<Regressor>,
}

impl TwoBranches {
    /// Trains a network on the rows before the test part; `told` hears of every epoch. Within each run of
    /// rows its newest fifth says when to stop.
    ///
    /// # Errors
    /// Too few rows with as many before them as the network is shown.
    pub fn fit(
        data: &Dataset,
        split: &Split,
        seed: u64,
        told: &mut dyn FnMut(&Epoch),
    ) -> Result<Self, ForecastError> {
        let (order, runs) = runs(data, split);
        let rows = data.rows.select(Axis(0), &order);
        let label = |row: &usize| match data.examples[*row].label {
            Some((label, until)) if until < split.test_from => label,
            _ => f64::NAN,
        };
        let targets: Vec<f64> = order.iter().map(label).collect();
        let targets = Array2::from_shape_vec((order.len(), 1), targets).unwrap_or_default();
        let lesson = Lesson { rows: rows.view(), runs: &runs, targets: targets.view() };
        let trained = Regressor::fit(ARCHITECTURE, &lesson, &ARCHITECTURE.training(seed), told)?;
        let kept = trained.regressor.keep()?;
        Ok(Self { kept, regressor: Arc::new(trained.regressor) })
    }

    /// What is said after these rows, the newest last; `None` after fewer than [`ROWS`].
    pub fn predict(&self, rows: &[Vec<f64>]) -> Option<f64> {
        let width = rows.first()?.len();
        let flat: Vec<f64> = rows.iter().flatten().copied().collect();
        let rows = Array2::from_shape_vec((rows.len(), width), flat).ok()?;
        let said = self.regressor.predict(rows.view());
        said.first().copied().filter(|count| count.is_finite())
    }
}

/// The rows before the test part, service by service, and which of them follow each other without a pause.
fn runs(data: &Dataset, split: &Split) -> (Vec<usize>, Vec<Range<usize>>) {
    let known = |row: &usize| data.examples[*row].at < split.test_from;
    let mut order: Vec<usize> = (0..data.examples.len()).filter(known).collect();
    order.sort_by_key(|row| (data.examples[*row].service, data.examples[*row].at));
    let follows = |pair: &[usize]| data.examples[pair[1]].previous == Some(pair[0]);
    let mut runs = Vec::new();
    let mut start = 0;
    for (place, pair) in order.windows(2).enumerate() {
        if !follows(pair) {
            runs.push(start..place + 1);
            start = place + 1;
        }
    }
    runs.push(start..order.len());
    (order, runs)
}

impl PartialEq for TwoBranches {
    fn eq(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

impl std::fmt::Debug for TwoBranches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwoBranches").finish_non_exhaustive()
    }
}

impl TryFrom<Kept> for TwoBranches {
    type Error = ForecastError;

    fn try_from(kept: Kept) -> Result<Self, ForecastError> {
        let regressor = Arc::new(kept.open()?);
        Ok(Self { kept, regressor })
    }
}

impl From<TwoBranches> for Kept {
    fn from(network: TwoBranches) -> Self {
        network.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::fixtures::wave;

    #[test]
    fn runs_are_of_one_service_and_end_before_the_test() {
        let mut records = wave("a", 200);
        records.extend(wave("b", 150));
        records.retain(|record| record.at.millis() != 50 * 30_000);
        let later = |record: &mut crate::features::kubernetes::Record| {
            if record.at.millis() > 100 * 30_000 {
                record.at = record.at.plus(std::time::Duration::from_secs(3600));
            }
        };
        records.iter_mut().for_each(later);
        let data = Dataset::new(&records).expect("sorted");
        let split = data.split().expect("enough rows");
        let (order, runs) = runs(&data, &split);
        assert_eq!(runs.len(), 4, "two services, a pause in each");
        assert_eq!(runs.iter().map(Range::len).sum::<usize>(), order.len());
        for run in runs {
            let rows = &order[run];
            let examples = rows.iter().map(|row| &data.examples[*row]);
            assert!(examples.clone().all(|e| e.at < split.test_from));
            assert!(examples.clone().all(|e| e.service == data.examples[rows[0]].service));
            assert!(examples.is_sorted_by_key(|e| e.at));
        }
    }
}
