//! Labelled rows → models of what a service or an instance needs, and what is told by them. Pure.
//!
//! * [`clean`]: records as they were collected → records to learn from.
//! * [`label`]: what a service would have needed.
//! * [`dataset`]: records → rows with labels, split by time.
//! * [`scores`], [`recommend`]: how good models are, and which to use.
//! * [`request`], [`decision`]: what is asked about a service, and the answer.
//! * [`autoscale`]: the same of an instance.

pub mod autoscale;
pub mod clean;
pub mod dataset;
pub mod decision;
pub mod label;
pub mod recommend;
pub mod request;
pub mod scores;
