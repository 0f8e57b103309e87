//! The load generator.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::{Latencies, Pattern};

/// What is sent where, and how fast.
#[derive(Clone, Debug)]
pub struct Load {
    /// Gets a `POST` with a small JSON body.
    pub url: Url,
    /// How often.
    pub pattern: Pattern,
    /// How long.
    pub duration: Duration,
    /// Requests under way at once. One that is due beyond that is not sent, and counted as skipped:
    /// a generator that waited would hide how slow the service is.
    pub concurrency: usize,
    /// How long one request may take.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Requests sent.
    pub sent: u64,
    /// Those answered with a status below 400.
    pub ok: u64,
    /// Those not answered, or with another status.
    pub failed: u64,
    /// Requests due that were not sent, as too many were under way.
    pub skipped: u64,
    /// Time from when a request was due to the end of its answer; of the successful ones.
    pub latencies: Latencies,
    /// Why the first that failed did.
    pub first_error: Option<String>,
}

/// Sends `load` until its end or until `stop` is ready, then waits for the answers that are due.
pub async fn load(load: &Load, client: &Client, stop: impl Future<Output = ()>) -> Summary {
    let places = Arc::new(Semaphore::new(load.concurrency));
    let mut summary = Summary::default();
    let mut requests = JoinSet::new();
    let mut stop = pin!(stop);
    let start = Instant::now();
    'sending: for due in load.pattern.arrivals(load.duration) {
        loop {
            tokio::select! {
                () = &mut stop => break 'sending,
                () = sleep_until(start + due) => break,
                Some(result) = requests.join_next() => summary.count(result),
            }
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            summary.skipped += 1;
            continue;
        };
        summary.sent += 1;
        let (client, url, timeout) = (client.clone(), load.url.clone(), load.timeout);
        requests.spawn(async move {
            let result = send(&client, url, timeout).await;
            drop(place);
            result.map(|()| (start + due).elapsed())
        });
    }
    while let Some(result) = requests.join_next().await {
        summary.count(result);
    }
    summary
}

async fn send(client: &Client, url: Url, timeout: Duration) -> Result<(), String> {
    let request = client.post(url).timeout(timeout).json(&serde_json::json!({ "features": [] }));
    let response = request.send().await.map_err(|e| causes(&e))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|e| causes(&e))?;
    match status.is_client_error() || status.is_server_error() {
        true => Err(format!("status {status}: {}", String::from_utf8_lossy(&body))),
        false => Ok(()),
    }
}

/// The innermost cause of `error`: what reqwest itself says is that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

impl Summary {
    fn count(&mut self, result: Result<Result<Duration, String>, JoinError>) {
        match result.map_err(|e| e.to_string()).flatten() {
            Ok(latency) => {
                self.ok += 1;
                self.latencies.record(latency);
            }
            Err(error) => {
                self.failed += 1;
                self.first_error.get_or_insert(error);
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sent     {}", self.sent)?;
        writeln!(f, "ok       {}", self.ok)?;
        writeln!(f, "failed   {}", self.failed)?;
        writeln!(f, "skipped  {}", self.skipped)?;
        for (name, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            match self.latencies.quantile(quantile) {
                Some(latency) => writeln!(f, "{name}      {:.1} ms", latency.as_secs_f64() * 1e3)?,
                None => writeln!(f, "{name}      -")?,
            }
        }
        if let Some(error) = &self.first_error {
            writeln!(f, "first error: {error}")?;
        }
        Ok(())
    }
}
