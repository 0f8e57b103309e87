//! All end-to-end tests in one binary.

mod alerts;
mod architecture;
mod cli;
mod forest_parity;
mod operations;
mod support;
mod web;
mod workload;
