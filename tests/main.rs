//! All end-to-end tests in one binary.

mod actuate;
mod support;
