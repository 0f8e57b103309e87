//! Samples of the past, as an exporter would have been scraped.

use std::fmt::Write;

/// The time of the look, in seconds since the epoch: 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;

/// How far apart the scrapes are, in seconds.
const SCRAPE_SECONDS: i64 = 15;

/// One container's life: constant rates and sizes from `first` to `last`, in seconds relative to [`NOW`].
#[derive(Clone)]
pub struct Life {
    pub name: &'static str,
    pub id: &'static str,
    pub first: i64,
    pub last: i64,
    /// When it started, relative to [`NOW`].
    pub started: i64,
    /// CPU cores used.
    pub cores: f64,
    /// Working set, as written.
    pub memory_bytes: &'static str,
    /// Memory limit; 0 for none.
    pub limit_bytes: u64,
    /// When its number of threads is seen last; before `first`, it never is.
    pub threads_last: i64,
}

impl Life {
    /// A quiet container with samples from ten minutes before [`NOW`] to ten minutes after.
    pub fn of(name: &'static str, id: &'static str) -> Self {
        Self {
            name,
            id,
            first: -600,
            last: 600,
            started: -86_400,
            cores: 0.5,
            memory_bytes: "1e+08",
            limit_bytes: 1 << 28,
            threads_last: i64::MIN,
        }
    }
}

/// OpenMetrics of `lives`, one family after the other, as the format demands.
pub fn exposition(lives: &[Life]) -> String {
    type Value = fn(&Life, f64) -> String;
    // Seconds of life → the value. Half of ten periods a second are throttled.
    let families: [(&str, &str, Value); 10] = [
        ("container_last_seen", "gauge", |_, _| "1".to_owned()),
        ("container_start_time_seconds", "gauge", |life, _| (NOW + life.started).to_string()),
        ("container_cpu_usage_seconds", "counter", |life, t| (life.cores * t).to_string()),
        ("container_spec_cpu_quota", "gauge", |_, _| "150000".to_owned()),
        ("container_spec_cpu_period", "gauge", |_, _| "100000".to_owned()),
        ("container_cpu_cfs_periods", "counter", |_, t| (10.0 * t).to_string()),
        ("container_cpu_cfs_throttled_periods", "counter", |_, t| (5.0 * t).to_string()),
        ("container_memory_working_set_bytes", "gauge", |life, _| life.memory_bytes.to_owned()),
        ("container_spec_memory_limit_bytes", "gauge", |life, _| life.limit_bytes.to_string()),
        ("container_threads", "gauge", |_, _| "7".to_owned()),
    ];
    let mut text = String::new();
    for (family, kind, value) in families {
        writeln!(text, "# TYPE {family} {kind}").expect("text");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for life in lives {
            let last = if family == "container_threads" { life.threads_last } else { i64::MAX };
            for t in (life.first..=life.last.min(last)).step_by(SCRAPE_SECONDS as usize) {
                let value = value(life, (t - life.first) as f64);
                let Life { name, id, .. } = life;
                let at = NOW + t;
                writeln!(
                    text,
                    r#"{family}{suffix}{{instance="h:1",name="{name}",id="{id}"}} {value} {at}"#
                )
                .expect("text");
            }
        }
    }
    text
}
