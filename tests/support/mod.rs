//! What all end-to-end tests share: child processes that never outlive the tests, waiting, HTTP.

mod http;
mod process;
mod prometheus;
mod running;
mod wait;

pub use http::{Reply, client, free_port, http_get, http_get_with};
pub use process::{Process, loadline};
pub use prometheus::{Exporter, Prometheus, Victoria};
pub use running::{Running, read_all};
pub use wait::{PATIENCE, wait_for};

mod tests;
