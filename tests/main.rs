//! All end-to-end tests in one binary.

mod alerts;
mod architecture;
mod cli;
mod support;
mod web;
mod workload;
mod forest_parity;
