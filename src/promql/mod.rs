//! Asking Prometheus: typed answers, each with a word on how far it can be trusted.

mod answer;
mod backfill;
mod client;
mod error;
mod freshness;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grid;
mod labels;
mod observer;
mod past;
pub mod queries;

pub use answer::{Answer, Sample, Series};
pub use backfill::{Backfill, History, Piece};
pub use client::{Client, MAX_BODY_BYTES};
pub use error::{ClientError, Failure, QueryError};
pub use freshness::Freshness;
pub use grid::Grid;
pub use labels::SeriesLabels;
pub use observer::{Observer, Round, TargetReadings};
pub use past::Past;
