//! What can be wrong with data, parameters and model files.

/// Why a model could not be fitted, used or read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DetectError {
    /// Nothing to learn from.
    #[error("expected at least {needed} rows to fit a forest, found {rows}")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A matrix without columns.
    #[error("expected at least one feature, found none")]
    NoFeatures,
    /// A setting out of its range.
    #[error("detection.{name}: expected {expected}, found {found}")]
    Parameter {
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        found: String,
    },
    /// A value that a bare forest cannot split on.
    #[error("row {row}, column {column}: expected a finite number, found {value}")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// Rows of another width than the forest's.
    #[error("expected rows of {expected} features, found {found}")]
    Width {
        /// The forest's.
        expected: usize,
        /// The rows'.
        found: usize,
    },
    /// Features that are not those of the model.
    #[error(
        "the model was fitted on other features than are computed now: {difference}; fit it anew"
    )]
    Schema {
        /// The first difference, in words.
        difference: String,
    },
    /// Another kind of file.
    #[error("not a loadline {kind} file: it begins otherwise")]
    NotThisKind {
        /// The kind expected.
        kind: &'static str,
    },
    /// A file of another time.
    #[error(
        "a {kind} file of version {found}, but this loadline reads version {expected}: fit it anew"
    )]
    Version {
        /// The kind of file.
        kind: &'static str,
        /// The file's version.
        found: u32,
        /// The version that can be read.
        expected: u32,
    },
    /// A file that ends too early or too late.
    #[error("a {kind} file of the wrong length: expected {expected} bytes, found {found}")]
    Length {
        /// The kind of file.
        kind: &'static str,
        /// What its header announces, or the header's own length.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// A file that was changed after it was written.
    #[error("a damaged {kind} file: {reason}; remove it, it will be fitted anew")]
    Damaged {
        /// The kind of file.
        kind: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// A model that could not be turned into bytes.
    #[error("cannot encode a {kind} file: {reason}")]
    Encoding {
        /// The kind of file.
        kind: &'static str,
        /// The encoder's words.
        reason: String,
    },
}
