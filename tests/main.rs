//! All end-to-end tests in one binary.

mod forest_parity;
