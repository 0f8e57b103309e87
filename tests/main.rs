//! All end-to-end tests in one binary.

mod cli;
mod exporter_command;
mod support;
mod web;
mod workload;
