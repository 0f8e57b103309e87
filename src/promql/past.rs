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

impl Client {
    /// The values of `query` at the instants of `grid`, asked for in pieces that Prometheus accepts, one
    /// after the other. A value takes 16 bytes.
    ///
    /// # Errors
    /// The first piece's without an answer. See [`super::Failure`].
    pub async fn past(&self, query: &str, grid: &Grid) -> Result<Past, QueryError> {
        let mut past = Past::default();
        for (first, last) in grid.chunks(MAX_STEPS) {
            let answer = self.range(query, grid.at(first), grid.at(last), grid.step()).await?;
            for series in answer.series {
                let values = past
                    .series
                    .entry(series.labels.into())
                    .or_insert_with(|| vec![None; grid.len()]);
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
