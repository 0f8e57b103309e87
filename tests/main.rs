//! All end-to-end tests in one binary.

// Clippy lets functions marked `#[test]` unwrap, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actuate;
mod alerts;
mod architecture;
mod cgroup2;
mod cli;
mod closed_loop;
mod config;
mod decide;
mod detect;
mod detect_quality;
mod exporter;
mod exporter_command;
mod exporter_soak;
mod exporter_targets;
mod forecast;
mod forest_parity;
mod golden;
mod hosts;
mod identity;
mod operations;
mod procfs;
mod promql;
mod replicas;
mod simulate;
mod support;
mod train;
mod unprivileged;
mod up;
mod web;
mod workload;
