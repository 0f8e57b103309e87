//! All end-to-end tests in one binary.

mod detect;
mod forest_parity;
