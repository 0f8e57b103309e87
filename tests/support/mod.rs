//! What all end-to-end tests share: child processes that never outlive the tests, waiting, HTTP.

pub mod alertmanager;
pub mod cgroup;
pub mod docker;
pub mod host;
mod http;
pub mod lxc;
mod moto;
mod process;
mod prometheus;
mod promtool;
pub mod rootfs;
mod running;
mod wait;

pub use http::{Reply, client, free_port, http_get, http_get_with};
pub use moto::Moto;
pub use process::{Process, loadline};
pub use prometheus::{Exporter, Prometheus, Victoria};
pub use promtool::promtool_is_silent;
pub use running::{Running, read_all};
pub use wait::{PATIENCE, block_on, wait_for};

mod tests;
