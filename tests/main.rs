//! All end-to-end tests in one binary.

mod actuate;
mod architecture;
mod support;
mod web;
