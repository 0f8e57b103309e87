//! All end-to-end tests in one binary.

mod alerts;
mod architecture;
mod support;
mod web;
