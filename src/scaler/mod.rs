//! The loop that joins the rooms above.
//!
//! * [`engine`]: observations → decisions; no I/O, no clock.
//! * [`live`]: Prometheus → engine → journal → actuators, tick by tick.
//! * [`local`]: the host's own cgroups → engine, for `loadline up`.
//! * [`event`]: what an engine is told; [`recording`]: all of it in a file; [`replay`]: and again.
//! * `models`: model files; `history`: the past that forecasters and policies learn from.
//! * [`shared`]: what the loop and the HTTP interface share.
//! * [`act`]: one decision carried out.
//! * [`gauges`], [`api`], [`autoscale`], [`predict`]: what is published.

pub mod act;
pub mod api;
pub mod autoscale;
pub mod engine;
pub mod event;
pub mod gauges;
mod history;
pub mod live;
pub mod local;
mod models;
pub mod observed;
pub mod predict;
pub mod recording;
pub mod replay;
pub mod shared;
mod standing;

use crate::units::Timestamp;

/// The clock of the live loops; everything below them is given the time.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
