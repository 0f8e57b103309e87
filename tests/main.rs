//! All end-to-end tests in one binary.

// Clippy lets functions marked `#[test]` unwrap, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actuate;
mod architecture;
mod hosts;
mod support;
mod web;
