//! Window → feature vector. Pure.
//!
//! A feature is a finite number or it is missing; there is no infinity and no silent zero.
//!
//! Beside the detector's features there are two named sets, for models that are trained: [`kubernetes`]
//! (how many replicas a service needs) and [`cloud`] (how busy an instance will be).

pub mod cloud;
mod columns;
pub mod kubernetes;
mod live;
mod pace;
mod rolling;
mod schema;
mod signals;

pub use columns::ColumnFeatures;
pub use pace::{Follows, OutOfOrder, Pace};
pub use rolling::quantile;
pub use schema::{Features, Schema};

use std::sync::Arc;

use crate::config::{Detection, DetectionMode};
use crate::window::Window;

/// What [`extract`] tells in this mode, in order. It is the same for all targets.
pub fn schema(mode: DetectionMode) -> Arc<Schema> {
    match mode {
        DetectionMode::Calibrated => signals::schema(),
        DetectionMode::Plain => live::schema(),
    }
}

/// What the detector is shown of the window's latest row; `None` where that row holds no measured value
/// at all.
pub fn extract(window: &Window, config: &Detection) -> Option<Features> {
    match config.mode {
        DetectionMode::Calibrated => signals::extract(window),
        DetectionMode::Plain => live::extract(window, config),
    }
}
