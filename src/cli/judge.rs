//! What judges the rows of `loadline detect`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;

use super::table::{Row, Table};
use crate::config::{Detection, DetectionMode};
use crate::detect::plain::Model;
use crate::detect::{Assessment, DetectError, Detector};
use crate::features::ColumnFeatures;
use crate::target::TargetId;

/// A detector that learns as it goes, or a model that stays as it is, with the features that it needs.
pub struct Judge {
    features: ColumnFeatures,
    kind: Kind,
}

enum Kind {
    Learning(Box<Detector>, TargetId),
    Fixed(Box<Model>),
}

impl Judge {
    /// Knows nothing of rows of these columns yet.
    pub fn new(columns: &[String], config: &Detection) -> Result<Self, DetectError> {
        let features = ColumnFeatures::new(columns, config);
        let detector = Detector::new(Arc::clone(features.schema()), config.clone())?;
        Ok(Self { features, kind: Kind::Learning(Box::new(detector), TargetId::from("input")) })
    }

    /// Has learnt all rows of the file `path` as normal. In the mode `plain` it then stays as it is.
    pub fn trained(
        path: &Path,
        time_column: &str,
        columns: &[String],
        config: &Detection,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut judge = Self::new(columns, config)?;
        let mut table = Table::open(path, Some(time_column), Some(columns))?;
        let (mut rows, mut values) = (0, Vec::new());
        while let Some(row) = table.next_row()? {
            let features = judge.features.push(&row.values);
            match (config.mode, &mut judge.kind) {
                (DetectionMode::Calibrated, Kind::Learning(detector, target)) => {
                    detector.train(target, &features, row.at)?;
                }
                _ => values.extend(features.to_f32()),
            }
            rows += 1;
        }
        let of_file = |error: DetectError| format!("{}: {error}", path.display());
        if rows < 2 {
            return Err(of_file(DetectError::TooFewRows { rows, needed: 2 }).into());
        }
        if config.mode == DetectionMode::Plain {
            let features = ColumnFeatures::new(columns, config);
            let schema = Arc::clone(features.schema());
            let values = Array2::from_shape_vec((rows, schema.len()), values)?;
            let model = Model::fit(values.view(), schema, config).map_err(of_file)?;
            judge = Self { features, kind: Kind::Fixed(Box::new(model)) };
        }
        Ok(judge)
    }

    /// What it thinks of the next row; `None` while it knows too little.
    pub fn assess(&mut self, row: &Row) -> Result<Option<Assessment>, DetectError> {
        let features = self.features.push(&row.values);
        match &mut self.kind {
            Kind::Learning(detector, target) => detector.observe(target, &features, row.at),
            Kind::Fixed(model) => model.assess(&features).map(Some),
        }
    }
}
