//! Window → feature vector. Pure.
//!
//! A feature is a finite number or it is missing; there is no infinity and no silent zero.

mod columns;
mod live;
mod rolling;
mod schema;

pub use columns::ColumnFeatures;
pub use live::{extract, schema};
pub use schema::{Features, Schema};
