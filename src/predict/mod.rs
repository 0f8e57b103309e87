//! Labelled rows → models of what a service or an instance needs, and what is told by them. Pure.
//!
//! * [`clean`]: records as they were collected → records to learn from.
//! * [`label`]: what a service would have needed.
//! * [`dataset`]: records → rows with labels, split by time.
//! * [`model`]: what is fitted on them, and its file.
//! * [`scores`], [`recommend`]: how good models are, and which to use.
//! * [`request`], [`decision`]: what is asked about a service, and the answer.
//! * [`predictor`]: a model beside what was seen of each service.
//! * [`cloud`]: a model of the CPU of an instance, and what is told by it.

pub mod clean;
pub mod cloud;
pub mod dataset;
pub mod decision;
mod early;
#[cfg(test)]
mod fixtures;
pub mod label;
pub mod model;
#[cfg(feature = "neural")]
mod network;
pub mod predictor;
pub mod recommend;
pub mod request;
pub mod scores;

/// What each name's share is, the largest first.
fn by_share(names: Vec<String>, shares: Vec<f64>) -> Vec<(String, f64)> {
    let mut named: Vec<_> = names.into_iter().zip(shares).collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1));
    named
}
