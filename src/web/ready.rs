//! Health and readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;

use super::Error;

/// A latch: not ready until [`Ready::set`] was called once. Clones share it.
#[derive(Clone, Debug)]
pub struct Ready {
    open: Arc<AtomicBool>,
    waiting_for: &'static str,
}

impl Ready {
    /// Not ready: `waiting_for` says to a person what must happen first.
    pub fn waiting_for(waiting_for: &'static str) -> Self {
        Self { open: Arc::default(), waiting_for }
    }

    /// Ready from now on.
    pub fn set(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

/// * `GET /-/healthy` -- 200 as long as requests are answered at all.
/// * `GET /-/ready` -- 200 once `ready` is set, 503 before.
pub fn health(ready: Ready) -> Router {
    let readiness = async move || match ready.is_set() {
        true => Ok("ready\n"),
        false => Err(Error::unavailable(format!("not ready: waiting for {}", ready.waiting_for))),
    };
    Router::new().route("/-/healthy", get(async || "healthy\n")).route("/-/ready", get(readiness))
}
