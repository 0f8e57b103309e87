//! All end-to-end tests in one binary.

mod actuate;
mod alerts;
mod architecture;
mod cli;
mod config;
mod forest_parity;
mod config;
mod cli;
mod exporter_command;
mod support;
mod web;
mod workload;
mod exporter;
mod golden;
