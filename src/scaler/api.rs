//! The scaler over HTTP: what it publishes, and the few things that may be written.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::engine::{Engine, TargetState};
use super::live::Order;
use super::now;
use super::shared::Shared;
use crate::detect::Assessment;
use crate::guard::Decision;
use crate::journal::{JournalError, Pause};
use crate::promql::Freshness;
use crate::target::{Mode, Signal, Target, TargetId};
use crate::units::{Timestamp, duration};
use crate::web;

/// What the readable routes need.
#[derive(Clone)]
pub struct Readable {
    /// The targets.
    pub engine: Arc<RwLock<Engine>>,
    /// Makes the page at `/`.
    pub page: Arc<dyn Fn(&Engine) -> String + Send + Sync>,
    /// Makes the body of `/metrics`.
    pub metrics: Arc<dyn Fn(web::Format) -> Result<Vec<u8>, web::Error> + Send + Sync>,
}

/// * `GET /` -- the page a person looks at.
/// * `GET /metrics` -- gauges and counters, OpenMetrics or text by `Accept`.
/// * `GET /api/v1/targets` -- every target with its signals, score and last decisions, as JSON.
pub fn readable(state: Readable) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/api/v1/targets", get(targets))
        .with_state(state)
}

/// The body of `/metrics` from a registry.
///
/// # Errors
/// A collector of the registry failed.
pub fn registry_body(registry: &Registry, format: web::Format) -> Result<Vec<u8>, web::Error> {
    match web::encode_registry(registry, format) {
        Ok(text) => Ok(text.into_bytes()),
        Err(_) => Err(web::Error::internal("the metrics could not be rendered")),
    }
}

async fn page(State(state): State<Readable>) -> Html<String> {
    let engine = state.engine.read().unwrap_or_else(PoisonError::into_inner);
    Html((state.page)(&engine))
}

async fn metrics(State(state): State<Readable>, headers: HeaderMap) -> Response {
    let render = state.metrics.clone();
    let work = move || {
        web::exposition(&headers, |format, out| {
            let broken = |_| web::Error::internal("the metrics could not be rendered");
            out.write_all(&render(format)?).map_err(broken)
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(_) => web::Error::internal("the metrics could not be rendered").into_response(),
    }
}

/// One target as JSON.
#[derive(Serialize)]
struct TargetView<'a> {
    #[serde(flatten)]
    target: &'a Target,
    mode: Mode,
    sampled_at: Option<Timestamp>,
    signals: Vec<SignalView>,
    assessment: &'a Option<Assessment>,
    decisions: Vec<&'a Decision>,
}

#[derive(Serialize)]
struct SignalView {
    signal: Signal,
    value: Option<f64>,
    freshness: Freshness,
}

async fn targets(State(state): State<Readable>) -> Response {
    let engine = state.engine.read().unwrap_or_else(PoisonError::into_inner);
    let views: Vec<_> = engine.targets().map(|(_, mode, state)| view(mode, state)).collect();
    axum::Json(serde_json::json!({ "status": "success", "targets": views })).into_response()
}

fn view(mode: Mode, state: &TargetState) -> TargetView<'_> {
    let signals = state.window.latest().into_iter().flat_map(|observation| {
        Signal::ALL.into_iter().map(|signal| {
            let reading = observation.reading(signal);
            SignalView { signal, value: reading.value, freshness: reading.freshness }
        })
    });
    TargetView {
        target: &state.target,
        mode,
        sampled_at: state.sampled_at,
        signals: signals.collect(),
        assessment: &state.assessment,
        decisions: state.dimensions.values().filter_map(|d| d.decision.as_ref()).collect(),
    }
}

/// What the writable routes need.
#[derive(Clone)]
pub struct Writable {
    /// The scaler.
    pub shared: Arc<Shared>,
    /// The loop's ear.
    pub orders: mpsc::Sender<Order>,
}

/// * `POST /-/reload` -- reads the configuration again; 500 with the reason where it is refused.
/// * `POST /api/v1/pause` -- holds a target, or all, where they are: `{"target", "for", "reason"}`.
/// * `POST /api/v1/resume` -- takes that back: `{"target"}`.
///
/// It asks for no credentials: put [`crate::web::protected`] around it.
pub fn writable(state: Writable) -> Router {
    Router::new()
        .route("/-/reload", post(reload))
        .route("/api/v1/pause", post(pause))
        .route("/api/v1/resume", post(resume))
        .with_state(state)
}

async fn reload(State(state): State<Writable>) -> Result<&'static str, web::Error> {
    let (answer, result) = oneshot::channel();
    let ended = || web::Error::unavailable("the scaler is ending");
    state.orders.send(Order::Reload(answer)).await.map_err(|_| ended())?;
    match result.await {
        Ok(Ok(())) => Ok("reloaded\n"),
        Ok(Err(error)) => Err(web::Error::internal(error)),
        Err(_) => Err(ended()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PauseRequest {
    /// The target's id; all targets where it is missing.
    target: Option<TargetId>,
    /// For how long, such as `2h`; without an end where it is missing.
    #[serde(rename = "for")]
    duration: Option<String>,
    /// Why, for whoever finds it.
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumeRequest {
    target: Option<TargetId>,
}

async fn pause(
    State(state): State<Writable>,
    request: Result<axum::Json<PauseRequest>, JsonRejection>,
) -> Result<&'static str, web::Error> {
    let axum::Json(request) = request.map_err(malformed)?;
    let at = now();
    let until = match request.duration.as_deref().map(duration::parse).transpose() {
        Ok(length) => length.map(|length| at.plus(length)),
        Err(error) => return Err(web::Error::bad_request(format!("for: {error}"))),
    };
    let pause = Pause { at, target: request.target, until, reason: request.reason };
    state.shared.pause(pause).map_err(not_written)?;
    Ok("paused\n")
}

async fn resume(
    State(state): State<Writable>,
    request: Result<axum::Json<ResumeRequest>, JsonRejection>,
) -> Result<&'static str, web::Error> {
    let axum::Json(request) = request.map_err(malformed)?;
    state.shared.resume(request.target, now()).map_err(not_written)?;
    Ok("resumed\n")
}

fn malformed(rejection: JsonRejection) -> web::Error {
    web::Error::new(rejection.status(), rejection.body_text())
}

fn not_written(error: JournalError) -> web::Error {
    web::Error::unavailable(format!("nothing was changed: {error}"))
}
