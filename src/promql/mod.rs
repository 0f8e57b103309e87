//! Asking Prometheus: typed answers, each with a word on how far it can be trusted.

mod freshness;

pub use freshness::Freshness;
