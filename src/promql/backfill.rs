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
    /// One row an instant of the piece. One value a signal, at [`Signal::index`]; `None` where there was
    /// none, or none that is finite.
    pub rows: Vec<[Option<f64>; Signal::COUNT]>,
}

/// A part of the past.
#[derive(Debug)]
pub struct Piece {
    /// Its instants.
    pub grid: Grid,
    /// What was then, by target.
    pub histories: Vec<History>,
}

/// The past of a rule's targets, piece by piece. The whole of it would not fit: ten thousand targets
/// over a day of minutes are 3 GB.
pub struct Backfill<'a> {
    observer: &'a Observer,
    client: &'a Client,
    /// The targets that live at the end of the span, by id.
    pub targets: Vec<Arc<Target>>,
    /// The signals that could not be asked for, with the first error. Their values are missing from
    /// there on.
    pub failures: Vec<(Signal, QueryError)>,
    grid: Grid,
    /// The first instant of the next piece.
    next: u64,
}

/// How many rows, over all targets, a piece has at most: 208 bytes each, and 32 bytes of JSON in the
/// answer for one signal.
const MAX_ROWS: u64 = 500_000;

impl Observer {
    /// Finds the targets that live at `end`, whose past from `start` to `end` inclusive can then be asked
    /// for. The predecessors of a container are part of its past; where both have a value, the later
    /// container's counts.
    ///
    /// # Errors
    /// The discovery query's.
    pub async fn backfill<'a>(
        &'a self,
        client: &'a Client,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Backfill<'a>, QueryError> {
        let discovered = client.instant(&self.discovery, Some(end)).await?;
        let found = self.newest(&discovered, &mut Vec::new());
        Ok(Backfill {
            observer: self,
            client,
            targets: found.into_iter().map(|found| found.target).collect(),
            failures: Vec::new(),
            grid: Grid::new(start, end, step),
            next: 0,
        })
    }
}

impl Backfill<'_> {
    /// The next piece, the oldest first; `None` after the last.
    pub async fn next(&mut self) -> Option<Piece> {
        let left = (self.grid.len() as u64).checked_sub(self.next).filter(|left| *left > 0)?;
        let most = (MAX_ROWS / self.targets.len().max(1) as u64).clamp(1, MAX_STEPS);
        let steps = left.min(most);
        let (first, last) = (self.grid.at(self.next), self.grid.at(self.next + steps - 1));
        self.next += steps;
        let step = self.grid.step();
        let grid = Grid::new(first, last, step);
        let rows = vec![[None; Signal::COUNT]; grid.len()];
        let history = |target: &Arc<Target>| History { target: target.clone(), rows: rows.clone() };
        let mut histories: Vec<History> = self.targets.iter().map(history).collect();
        for signal in Signal::ALL {
            if self.failures.iter().any(|(failed, _)| *failed == signal) {
                continue;
            }
            let Some(query) = &self.observer.signals[signal.index()] else { continue };
            match self.client.range(query, first, last, step).await {
                Ok(answer) => self.observer.write(signal, answer.series, &grid, &mut histories),
                Err(error) => self.failures.push((signal, error)),
            }
        }
        Some(Piece { grid, histories })
    }
}

impl Observer {
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
