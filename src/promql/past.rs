//! The past of any query, on a grid of instants.

use std::collections::BTreeMap;

use super::grid::{Grid, MAX_STEPS};
use super::{Client, QueryError};
use crate::target::Labels;

/// What a query returned over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// One series each, by its labels: one value an instant of the grid, `None` where there was none, or
    /// none that is finite.
    pub series: BTreeMap<Labels, Vec<Option<f64>>>,
    /// What the server warned of, each once: data may be missing.
    pub warnings: Vec<String>,
}

/// How many samples a piece has at most, over all series: each takes some 25 bytes of JSON in the answer.
const MOST_SAMPLES: u64 = 500_000;

/// How many instants the first piece has, which tells how many series there are.
const FIRST_STEPS: u64 = 100;

impl Client {
    /// The values of `query` at the instants of `grid`, of those series whose labels are `wanted`. They are
    /// asked for in pieces that Prometheus accepts, one after the other, the newest first: it tells how many
    /// series there are, and so how long the next may be. A value takes 16 bytes.
    ///
    /// # Errors
    /// The first piece's without an answer. See [`super::Failure`].
    pub async fn past(
        &self,
        query: &str,
        grid: &Grid,
        wanted: impl Fn(&Labels) -> bool,
    ) -> Result<Past, QueryError> {
        let mut past = Past::default();
        let (mut end, mut most) = (grid.len() as u64, FIRST_STEPS);
        while end > 0 {
            let first = end.saturating_sub(most);
            let answer = self.range(query, grid.at(first), grid.at(end - 1), grid.step()).await?;
            end = first;
            most = (MOST_SAMPLES / answer.series.len().max(1) as u64).clamp(1, MAX_STEPS);
            for series in answer.series {
                let labels: Labels = series.labels.into();
                if !wanted(&labels) {
                    continue;
                }
                let values = past.series.entry(labels).or_insert_with(|| vec![None; grid.len()]);
                for sample in series.samples.iter().filter(|sample| sample.value.is_finite()) {
                    if let Some(value) = grid.index(sample.at).and_then(|row| values.get_mut(row)) {
                        *value = Some(sample.value);
                    }
                }
            }
            for warning in answer.warnings {
                if !past.warnings.contains(&warning) {
                    past.warnings.push(warning);
                }
            }
        }
        Ok(past)
    }
}
