//! All end-to-end tests in one binary.

mod actuate;
mod alerts;
mod architecture;
mod cli;
mod config;
mod support;
mod web;
mod workload;
mod forest_parity;
