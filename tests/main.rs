//! All end-to-end tests in one binary.

// Clippy lets functions marked `#[test]` unwrap, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cli;
mod config;
mod promql;
mod support;
mod web;
mod workload;
