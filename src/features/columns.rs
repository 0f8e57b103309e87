//! The features of a table that is read row by row, such as a CSV file.

use std::collections::VecDeque;
use std::sync::Arc;

use super::rolling::{self, describe};
use super::{Features, Schema};
use crate::config::{Detection, DetectionMode};

/// Turns rows of named columns into what the detector is shown: the row itself, or in the mode `plain` for
/// each column what `rolling::describe` tells of it, as [`super::extract`] does for the live CPU and
/// memory. Looks at the past only.
#[derive(Clone, Debug)]
pub struct ColumnFeatures {
    mode: DetectionMode,
    schema: Arc<Schema>,
    rolling_window: usize,
    spike_threshold: f64,
    /// The last `rolling_window + 1` values of each column.
    recent: Vec<VecDeque<Option<f64>>>,
}

impl ColumnFeatures {
    /// For columns of these names; nothing is known of their past.
    pub fn new(columns: &[String], config: &Detection) -> Self {
        let names = match config.mode {
            DetectionMode::Calibrated => columns.to_vec(),
            DetectionMode::Plain => {
                columns.iter().flat_map(|column| rolling::names(column)).collect()
            }
        };
        Self {
            mode: config.mode,
            schema: Arc::new(Schema::new(names)),
            rolling_window: config.rolling_window,
            spike_threshold: config.spike_threshold,
            recent: vec![VecDeque::new(); columns.len()],
        }
    }

    /// The names of the features.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The features of the next row, one value a column.
    pub fn push(&mut self, row: &[Option<f64>]) -> Features {
        if self.mode == DetectionMode::Calibrated {
            return Features::new(Arc::clone(&self.schema), row.iter().copied());
        }
        let mut values = Vec::with_capacity(self.schema.len());
        for (recent, value) in self.recent.iter_mut().zip(row) {
            if recent.len() > self.rolling_window {
                recent.pop_front();
            }
            recent.push_back(*value);
            values.extend(describe(
                recent.make_contiguous(),
                self.rolling_window,
                self.spike_threshold,
            ));
        }
        Features::new(Arc::clone(&self.schema), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_keeps_its_own_past() {
        let config =
            Detection { mode: DetectionMode::Plain, rolling_window: 2, ..Detection::default() };
        let mut features = ColumnFeatures::new(&["a".to_owned(), "b".to_owned()], &config);
        features.push(&[Some(1.0), None]);
        features.push(&[Some(3.0), Some(10.0)]);
        let row = features.push(&[Some(5.0), Some(20.0)]);
        assert_eq!(row.get("a_mean"), Some(4.0));
        assert_eq!(row.get("b_mean"), Some(15.0));
        assert_eq!((row.get("a_change"), row.get("b_change")), (Some(2.0), Some(10.0)));
        assert_eq!((row.get("a_min"), row.get("a_max")), (Some(3.0), Some(5.0)));
        assert_eq!((row.get("a_spike"), row.get("b_spike")), (Some(1.0), None));
    }
}
