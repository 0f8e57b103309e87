//! The query client and the observer against a real Prometheus and a real VictoriaMetrics.
//!
//! Most of it runs on samples of the past at fixed times: every age, rate and restart is exact.

mod data;
mod failures;
mod observing;
mod past;
