//! A model beside what was seen of each service.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clean::cap;
use super::decision::ReplicaDecision;
use super::model::ReplicaModel;
use super::request::Request;
use super::scores::replicas;
use crate::features::kubernetes::{ENGINEERED, Extractor, METRICS, schema};
use crate::features::{Features, OutOfOrder};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PredictError {
    /// The model was not trained on this service.
    #[error(
        "service_name: the model knows {known}, found {service:?}: train it on that service too"
    )]
    UnknownService {
        /// The service asked about.
        service: Arc<str>,
        /// The services that are known.
        known: String,
    },
    /// What is asked about lies in the past.
    #[error("timestamp: {0}")]
    OutOfOrder(#[from] OutOfOrder),
}

/// Answers about the services that a model knows; remembers the last records of each.
pub struct Predictor {
    model: ReplicaModel,
    histories: BTreeMap<Arc<str>, History>,
}

/// What was seen of one service.
#[derive(Clone, Debug, Default)]
pub struct History {
    extractor: Extractor,
    /// The newest replica count that was told.
    replicas: Option<f64>,
}

impl Predictor {
    /// Has seen nothing yet.
    pub fn new(model: ReplicaModel) -> Self {
        Self { model, histories: BTreeMap::new() }
    }

    /// The model.
    pub fn model(&self) -> &ReplicaModel {
        &self.model
    }

    /// Takes in a request and answers it.
    ///
    /// # Errors
    /// A service that the model does not know, a moment before the last one asked about.
    pub fn predict(&mut self, request: Request) -> Result<ReplicaDecision, PredictError> {
        let service = Arc::clone(&request.record.service);
        // Only those known are remembered, so that no asker fills the memory.
        known(&self.model, &service)?;
        decide(&self.model, self.histories.entry(service).or_default(), request)
    }
}

/// The decision about one service: what `model` says of the request after what `history` has seen, rounded
/// and within 1–10 replicas.
///
/// Where no count of replicas was ever told, one is taken to run, and the answer says so.
///
/// # Errors
/// A service that the model does not know, a moment before the last one asked about.
pub fn decide(
    model: &ReplicaModel,
    history: &mut History,
    request: Request,
) -> Result<ReplicaDecision, PredictError> {
    let Request { mut record, engineered } = request;
    known(model, &record.service)?;
    cap(&mut record);
    model.inputs().usual.fill(&mut record);
    let service = Arc::clone(&record.service);
    record.replicas = record.replicas.or(history.replicas);
    let told = record.replicas;
    let features = given_first(&engineered, &history.extractor.push(record)?);
    history.replicas = told;
    let current = told.unwrap_or(1.0);
    let row = model.inputs().row(&features, &service).unwrap_or_default();
    let predicted = Some(model.predict(&row)).filter(|count| count.is_finite());
    let predicted = replicas(predicted.unwrap_or(current));
    let mut decision = ReplicaDecision::new(&service, current as u32, predicted as u32, &features);
    if told.is_none() {
        decision.reasoning += "; replica_count was not told: taken as 1";
    }
    Ok(decision)
}

fn known(model: &ReplicaModel, service: &Arc<str>) -> Result<(), PredictError> {
    let services = model.inputs().services();
    if services.contains(service) {
        return Ok(());
    }
    let known = services.iter().map(|service| &**service).collect::<Vec<_>>().join(", ");
    Err(PredictError::UnknownService { service: Arc::clone(service), known })
}

/// `computed`, but for the engineered features that were given.
fn given_first(given: &[Option<f64>; ENGINEERED.len()], computed: &Features) -> Features {
    let given = std::iter::repeat_n(None, METRICS.len()).chain(given.iter().copied());
    let values: Vec<_> = given.zip(computed.values()).map(|(a, b)| a.or(b)).collect();
    Features::new(schema(), values)
}
