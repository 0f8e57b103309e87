//! `POST /api/v1/alerts`: the way in for Alertmanager.
//!
//! Alertmanager repeats a webhook after a 5xx answer and gives up on anything else
//! (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>). So: 503 where trying
//! again may help, 400 and 413 where only a person can, 200 only once the alerts are on disk.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify};

use super::book::AlertBook;
use super::webhook::Webhook;
use crate::config::Alerts;
use crate::journal::AlertEvent;
use crate::units::Timestamp;
use crate::web::{Error, read_body};

/// What the webhook needs of the process around it.
pub trait Host: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// The settings in force.
    fn settings(&self) -> Alerts;

    /// Writes `events` to the journal and returns once they are on disk.
    ///
    /// # Errors
    /// Why they are not, for a person: a full disk, or that the process is ending. Alertmanager is then
    /// asked to try again.
    fn persist(&self, events: Vec<AlertEvent>) -> impl Future<Output = Result<(), String>> + Send;

    /// Counts an answered webhook: `accepted`, `malformed`, `too_large` or `unavailable`.
    fn answered(&self, result: &'static str);
}

impl<H: Host> Host for Arc<H> {
    fn now(&self) -> Timestamp {
        H::now(self)
    }

    fn settings(&self) -> Alerts {
        H::settings(self)
    }

    fn persist(&self, events: Vec<AlertEvent>) -> impl Future<Output = Result<(), String>> + Send {
        H::persist(self, events)
    }

    fn answered(&self, result: &'static str) {
        H::answered(self, result);
    }
}

/// The alerts that stand, and the way in for more.
pub struct Intake<H> {
    host: H,
    /// Held from the meaning of a webhook until it is on disk: one webhook at a time.
    book: Mutex<AlertBook>,
    changed: Notify,
}

impl<H: Host> Intake<H> {
    /// An intake that begins with what the journal remembers.
    pub fn new(host: H, book: AlertBook) -> Self {
        Self { host, book: Mutex::new(book), changed: Notify::new() }
    }

    /// A copy of the alerts that stand now.
    pub async fn book(&self) -> AlertBook {
        let mut book = self.book.lock().await;
        book.forget_expired(self.host.now(), &self.host.settings());
        book.clone()
    }

    /// Waits until the journal has been told of an alert since the last call: time to decide again.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn receive(&self, body: Body) -> Result<Value, Error> {
        let settings = self.host.settings();
        let body = read_body(body, settings.max_body_bytes, "alerts.max_body_bytes").await?;
        let webhook = Webhook::parse(&body).map_err(|e| Error::bad_request(e.to_string()))?;

        let mut book = self.book.lock().await;
        // A webhook that is not on disk has changed nothing.
        let mut next = book.clone();
        let receipt = next.receive(&webhook, self.host.now(), &settings);
        let journalled = receipt.events.len();
        if journalled > 0 {
            self.host.persist(receipt.events).await.map_err(|why| {
                Error::unavailable(format!("the alerts could not be journalled, try again: {why}"))
            })?;
        }
        *book = next;
        drop(book);

        if journalled > 0 {
            self.changed.notify_one();
        }
        if receipt.dropped > 0 || receipt.truncated > 0 {
            tracing::warn!(
                dropped = receipt.dropped,
                truncated = receipt.truncated,
                "alerts are missing: too many stand at once, or Alertmanager's receiver sets max_alerts"
            );
        }
        Ok(json!({
            "journalled": journalled,
            "repeated": receipt.repeated,
            "ignored": receipt.ignored,
            "dropped": receipt.dropped,
            "truncated": receipt.truncated,
        }))
    }
}

/// The route `POST /api/v1/alerts`. It asks for no credentials: put [`crate::web::protected`] around it.
pub fn router<H: Host>(intake: Arc<Intake<H>>) -> Router {
    Router::new().route("/api/v1/alerts", post(receive::<H>)).with_state(intake)
}

async fn receive<H: Host>(State(intake): State<Arc<Intake<H>>>, body: Body) -> Response {
    match intake.receive(body).await {
        Ok(answer) => {
            intake.host.answered("accepted");
            Json(answer).into_response()
        }
        Err(error) => {
            intake.host.answered(match error.status {
                StatusCode::PAYLOAD_TOO_LARGE => "too_large",
                StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                _ => "malformed",
            });
            tracing::warn!(status = error.status.as_u16(), "webhook refused: {error}");
            error.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
