//! What a person gets of a simulation: one table as CSV, pictures, and a page that explains both.

mod summary;

pub use summary::{COLUMNS, record};
