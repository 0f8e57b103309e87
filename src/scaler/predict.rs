//! `POST /predict`: the third seed's question about one service, answered by a trained model.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use serde_json::Value;

use super::now;
use crate::predict::decision::ReplicaDecision;
use crate::predict::model::ReplicaModel;
use crate::predict::predictor::Predictor;
use crate::predict::request::Request;
use crate::web;

/// A predictor with the model in the file at `path`, as `loadline train` writes it.
///
/// # Errors
/// The file cannot be read or used; the message names it.
pub fn load(path: &Path) -> Result<Predictor, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: cannot read: {error}"))?;
    let model = ReplicaModel::load(&bytes).map_err(|error| format!("{name}: {error}"))?;
    Ok(Predictor::new(model))
}

type Shared = Arc<Mutex<Predictor>>;

/// `POST /predict` -- the metrics of one service by name, `service_name` among them; the answer is what
/// the service needs, why, and how sure that is. Nothing is changed; the last records of each service are
/// remembered, for what is made of several.
pub fn router(predictor: Predictor) -> Router {
    Router::new().route("/predict", post(predict)).with_state(Arc::new(Mutex::new(predictor)))
}

async fn predict(
    State(predictor): State<Shared>,
    request: Result<axum::Json<Value>, JsonRejection>,
) -> Result<axum::Json<ReplicaDecision>, web::Error> {
    let axum::Json(json) =
        request.map_err(|rejection| web::Error::new(rejection.status(), rejection.body_text()))?;
    let request = Request::from_json(&json, now())
        .map_err(|error| web::Error::bad_request(error.to_string()))?;
    // A panic in another request leaves at most one service's last record half taken in.
    let mut predictor = predictor.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = predictor.predict(request);
    answer.map(axum::Json).map_err(|error| web::Error::bad_request(error.to_string()))
}
