//! The past of every target of a rule, asked for once at start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::grid::{Grid, MAX_STEPS};
use super::{Client, Observer, QueryError, Series};
use crate::target::{Signal, Target, TargetId};
use crate::units::Timestamp;

/// The past of one target: one row a step.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The target.
    pub target: Arc<Target>,
    /// Row `i` stands for `start + i · step`. One value a signal, at [`Signal::index`]; `None` where
    /// there was none, or none that is finite.
    pub rows: Vec<[Option<f64>; Signal::COUNT]>,
}

/// The past of a rule's targets.
#[derive(Debug)]
pub struct Backfill {
    /// The targets that live at the end of the span, by id.
    pub histories: Vec<History>,
    /// The signals that could not be asked for, with the first error. Their values are missing from
    /// there on.
    pub failures: Vec<(Signal, QueryError)>,
}

/// How many samples one answer may hold, about 32 bytes of JSON each.
const MAX_SAMPLES: u64 = 2_000_000;

impl Observer {
    /// Asks for the signals of the targets that live at `end`, from `start` to `end` inclusive, in
    /// as many range queries as keep each answer small. The predecessors of a container are part of
    /// its past; where both have a value, the later container's counts.
    ///
    /// A row takes about 200 bytes: with very many targets, ask for the span piece by piece.
    ///
    /// # Errors
    /// The discovery query's.
    pub async fn backfill(
        &self,
        client: &Client,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Backfill, QueryError> {
        let discovered = client.instant(&self.discovery, Some(end)).await?;
        let grid = Grid::new(start, end, step);
        let mut histories: Vec<History> = self
            .newest(&discovered, &mut Vec::new())
            .into_iter()
            .map(|found| History {
                target: found.target,
                rows: vec![[None; Signal::COUNT]; grid.len()],
            })
            .collect();
        let targets = histories.len() as u64;
        let most = (MAX_SAMPLES / targets.max(1)).clamp(1, MAX_STEPS);
        let mut failures = Vec::new();
        for signal in Signal::ALL {
            let query = &self.signals[signal.index()];
            for (first, last) in grid.chunks(most) {
                match client.range(query, grid.at(first), grid.at(last), step).await {
                    Ok(answer) => self.write(signal, answer.series, &grid, &mut histories),
                    Err(error) => {
                        failures.push((signal, error));
                        break;
                    }
                }
            }
        }
        Ok(Backfill { histories, failures })
    }

    fn write(
        &self,
        signal: Signal,
        mut series: Vec<Series>,
        grid: &Grid,
        histories: &mut [History],
    ) {
        let index: HashMap<TargetId, usize> =
            histories.iter().enumerate().map(|(i, h)| (h.target.id.clone(), i)).collect();
        // Written last, and so kept: the container that has data latest.
        series.sort_by_key(|s| s.samples.last().map(|sample| sample.at));
        let mut id = String::new();
        for series in series {
            let is_named = self.write_id(&series.labels, &mut id);
            let Some(&i) = index.get(id.as_str()).filter(|_| is_named) else {
                continue;
            };
            for sample in &series.samples {
                let row = grid.index(sample.at).and_then(|row| histories[i].rows.get_mut(row));
                if let Some(row) = row.filter(|_| sample.value.is_finite()) {
                    row[signal.index()] = Some(sample.value);
                }
            }
        }
    }
}
