//! All end-to-end tests in one binary.

mod config;
mod cli;
mod support;
mod web;
mod workload;
