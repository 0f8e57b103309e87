//! What a feature vector consists of, and one such vector.

use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The names of the features, in the order of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(Vec<String>);

impl Schema {
    /// The schema of these names, in this order.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the names, each ended by a zero byte.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for name in &self.0 {
            hash.update(name.as_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// One feature vector.
#[derive(Clone, Debug)]
pub struct Features {
    schema: Arc<Schema>,
    /// As long as the schema.
    values: Vec<Option<f64>>,
}

impl Features {
    /// The vector of `values`, in the schema's order. A value that is not finite is missing, as
    /// are values lacking at the end.
    pub fn new(schema: Arc<Schema>, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
        let mut values: Vec<_> = values.into_iter().take(schema.len()).map(finite).collect();
        values.resize(schema.len(), None);
        Self { schema, values }
    }

    /// What the values mean.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The values, in the schema's order.
    pub fn values(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        self.values.iter().copied()
    }

    /// The value of the feature `name`; `None` where it is missing or there is no such feature.
    pub fn get(&self, name: &str) -> Option<f64> {
        let index = self.schema.names().iter().position(|n| n == name)?;
        self.values().nth(index).flatten()
    }

    /// The values as matrices hold them: not-a-number where missing, what is beyond the range of `f32`
    /// the largest of its sign.
    pub fn to_f32(&self) -> Vec<f32> {
        let encoded = |v: f64| (v as f32).clamp(f32::MIN, f32::MAX);
        self.values.iter().map(|v| v.map_or(f32::NAN, encoded)).collect()
    }
}
