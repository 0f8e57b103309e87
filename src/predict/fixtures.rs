//! Records for tests.

use std::sync::Arc;

use crate::features::kubernetes::{Metric, Record};
use crate::units::Timestamp;

/// `count` records of a service, every 30 seconds: the CPU rises and falls in 40 minutes, and the requests
/// tell three minutes before it does.
pub fn wave(service: &str, count: i64) -> Vec<Record> {
    let service: Arc<str> = service.into();
    let record = |step: i64| {
        let load = |step: i64| 50.0 + 45.0 * (step as f64 * 0.08).sin();
        let at = Timestamp::from_millis(step * 30_000);
        let mut record = Record::empty(at, Arc::clone(&service));
        record.set(Metric::Cpu, load(step));
        record.set(Metric::Ram, 30.0);
        record.set(Metric::Requests, 2.0 * load(step + 6));
        record.set(Metric::ResponseTime, 100.0);
        record.replicas = Some(3.0);
        record
    };
    (0..count).map(record).collect()
}
