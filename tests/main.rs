//! All end-to-end tests in one binary.

mod config;
mod support;
