//! The last decisions as JSON, one object each, with the keys of the fourth seed's `/autoscale`.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::engine::{DimensionState, Engine, TargetState};
use super::live::Order;
use crate::forecast::Forecast;
use crate::guard::Decision;
use crate::policy::Action;
use crate::target::{Dimension, Mode, TargetId};
use crate::units::{Limit, Timestamp};
use crate::web;

/// `GET /autoscale_status?target=ID&dimension=NAME` -- the last decision about one dimension of a target;
/// without `target`, those of all, under `targets`.
pub fn readable(engine: Arc<RwLock<Engine>>) -> Router {
    Router::new().route("/autoscale_status", get(status)).with_state(engine)
}

/// What `/autoscale` needs.
#[derive(Clone)]
pub struct Evaluation {
    /// The targets.
    pub engine: Arc<RwLock<Engine>>,
    /// The loop's ear.
    pub orders: mpsc::Sender<Order>,
}

/// `GET` or `POST /autoscale` -- looks at every target now, and answers as `/autoscale_status`. It may act:
/// put [`crate::web::protected`] around it.
pub fn writable(state: Evaluation) -> Router {
    Router::new().route("/autoscale", get(evaluate).post(evaluate)).with_state(state)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The target's id; all targets where it is missing.
    target: Option<TargetId>,
    /// Only this dimension.
    dimension: Option<Dimension>,
}

type Asked = Result<Query<Which>, QueryRejection>;

async fn status(State(engine): State<Arc<RwLock<Engine>>>, which: Asked) -> Response {
    answer(&engine, which)
}

async fn evaluate(State(state): State<Evaluation>, which: Asked) -> Response {
    let (done, ended) = oneshot::channel();
    let sent = state.orders.send(Order::Evaluate(done)).await;
    if sent.is_err() || ended.await.is_err() {
        return web::Error::unavailable("the scaler is ending").into_response();
    }
    answer(&state.engine, which)
}

fn answer(engine: &RwLock<Engine>, which: Asked) -> Response {
    let which = match which {
        Ok(Query(which)) => which,
        Err(rejection) => {
            return web::Error::new(rejection.status(), rejection.body_text()).into_response();
        }
    };
    let engine = engine.read().unwrap_or_else(PoisonError::into_inner);
    let mut found =
        engine.targets().flat_map(|(_, mode, target)| statuses(mode, target)).filter(|status| {
            which.target.as_ref().is_none_or(|id| id == status.target)
                && which.dimension.is_none_or(|dimension| dimension == status.dimension)
        });
    match &which.target {
        None => axum::Json(json!({ "status": "success", "targets": found.collect::<Vec<_>>() }))
            .into_response(),
        Some(id) => match found.next() {
            Some(status) => axum::Json(status).into_response(),
            None => {
                let message = format!("no decision about {id}: GET /api/v1/targets lists them");
                web::Error::new(StatusCode::NOT_FOUND, message).into_response()
            }
        },
    }
}

/// The last decision about one dimension of a target.
#[derive(Serialize)]
struct Status<'a> {
    target: &'a TargetId,
    dimension: Dimension,
    timestamp: Timestamp,
    /// The median that is forecast for the nearest horizon, in the unit of the usage.
    predicted: Option<f64>,
    /// The same in percent of the limit in force, of the CPU only.
    predicted_cpu: Option<f64>,
    /// How sure the forecast is, 0–1.
    confidence: Option<f64>,
    decision: &'static str,
    reason: String,
    current: Option<f64>,
    desired: Option<f64>,
    /// The target's label of this name; empty where it has none.
    current_instance_type: &'a str,
    /// `decision` where it was carried out, else `none`.
    action_taken: &'static str,
    /// Whether the mode keeps from acting.
    dry_run: bool,
}

fn statuses(mode: Mode, target: &TargetState) -> impl Iterator<Item = Status<'_>> {
    target.dimensions.iter().filter_map(move |(dimension, state)| {
        let decision = state.decision.as_ref()?;
        let forecast = state.forecaster().and_then(|stream| stream.forecast());
        let predicted = forecast.and_then(|forecast| forecast.nearest(0.5));
        let current = decision.current.and_then(Limit::value);
        let of_limit = |(used, limit): (f64, f64)| 100.0 * used / limit;
        let is_cpu = *dimension == Dimension::Cpu;
        let label = target.target.labels.get("instance_type");
        let word = word(decision.action);
        let done = mode == Mode::Enforce && was_made(state, decision);
        Some(Status {
            target: &target.target.id,
            dimension: *dimension,
            timestamp: decision.at,
            predicted,
            predicted_cpu: predicted.zip(current).filter(|_| is_cpu).map(of_limit),
            confidence: forecast.and_then(|forecast| confidence(forecast)),
            decision: word,
            reason: decision.summary(),
            current,
            desired: decision.desired,
            current_instance_type: label.map_or("", String::as_str),
            action_taken: if done { word } else { "none" },
            dry_run: mode != Mode::Enforce,
        })
    })
}

fn word(action: Action) -> &'static str {
    match action {
        Action::ScaleUp => "scale_up",
        Action::ScaleDown => "scale_down",
        Action::NoScaling => "noop",
    }
}

fn was_made(state: &DimensionState, decision: &Decision) -> bool {
    decision.action != Action::NoScaling
        && state.confirmed().is_some_and(|(at, _)| at >= decision.at)
}

/// How sure a forecast is at its nearest horizon, 0–1: 1 / (1 + spread / median), the spread being half
/// the width of the widest interval that is told (the fourth seed's formula, with the forecast's own
/// spread for the deviation of the past).
pub fn confidence(forecast: &Forecast) -> Option<f64> {
    let nearest = forecast.horizons.first()?;
    let (low, high) = (nearest.values.first()?, nearest.values.last()?);
    let median = forecast.nearest(0.5)?;
    let spread = (high - low) / 2.0;
    let sure = if median > 0.0 { 1.0 / (1.0 + spread / median) } else { 0.0 };
    sure.is_finite().then_some(sure)
}
