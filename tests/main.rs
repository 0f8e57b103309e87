//! All end-to-end tests in one binary.

mod architecture;
mod support;
mod web;
