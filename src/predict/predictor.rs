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
use crate::units::Timestamp;

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
    /// The last rows without a pause between, as many as the model looks at, the newest last.
    rows: Vec<Vec<f64>>,
    /// When the newest was measured.
    newest: Option<Timestamp>,
    /// The newest replica count that was told.
    replicas: Option<f64>,
}

impl History {
    /// Takes in the newest row; one of the same moment as the one before replaces it.
    fn push(&mut self, row: Vec<f64>, at: Timestamp, count: usize) {
        if self.newest == Some(at) {
            self.rows.pop();
        } else if self.extractor.begins_anew() {
            self.rows.clear();
        }
        if self.rows.len() >= count {
            self.rows.remove(0);
        }
        self.rows.push(row);
        self.newest = Some(at);
    }
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
    let at = record.at;
    let features = given_first(&engineered, &history.extractor.push(record)?);
    history.replicas = told;
    let current = told.map_or(1.0, f64::round);
    let row = model.inputs().row(&features, &service).unwrap_or_default();
    history.push(row, at, model.kind().rows());
    // Too few rows for the model, or nothing that it can say: what is there stays.
    let predicted = replicas(model.predict(&history.rows).unwrap_or(current));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::features::kubernetes::{Metric, Record};
    use crate::predict::dataset::Dataset;
    use crate::predict::fixtures::wave;
    use crate::predict::model::ModelKind;

    fn fitted(kind: ModelKind) -> (Predictor, Dataset) {
        let data = Dataset::new(&wave("shop", 400)).expect("sorted");
        let split = data.split().expect("enough rows");
        let model = ReplicaModel::fit(kind, &data, &split, 42).expect("enough rows");
        (Predictor::new(model), data)
    }

    fn trained() -> (Predictor, Dataset) {
        fitted(ModelKind::Boosting)
    }

    /// What was trained on and what is asked about live are the same numbers.
    #[test]
    fn live_answers_are_those_of_training_rows() {
        for kind in ModelKind::ALL {
            let (mut predictor, data) = fitted(*kind);
            for (row, record) in wave("shop", 400).into_iter().enumerate() {
                let expected = predictor.model().predict_rows(&data, &[row])[0];
                let answer = predictor.predict(Request::of(record.clone())).expect("an answer");
                assert_eq!(f64::from(answer.predicted_replicas), replicas(expected), "row {row}");
                assert_eq!(answer.current_replicas, 3);
                let again = predictor.predict(Request::of(record)).expect("told again");
                assert_eq!(again, answer, "row {row}");
            }
        }
    }

    #[test]
    fn a_single_request_is_answered() {
        let (mut predictor, _) = trained();
        let mut ask = |json: serde_json::Value| {
            let request = Request::from_json(&json, Timestamp::from_millis(0)).expect("a request");
            predictor.predict(request)
        };
        let answer = ask(json!({
            "service_name": "shop",
            "cpu_usage_percent": 175.5,
            "cpu_usage_percent_slope": 0.5,
            "cpu_rolling_std": 5.2,
            "timestamp": 30,
        }))
        .expect("an answer");
        assert!((answer.confidence - 0.943).abs() < 1e-12, "{answer:?}");
        assert_eq!(answer.current_replicas, 1);
        assert!(answer.reasoning.ends_with("; replica_count was not told: taken as 1"));
        assert!(!answer.reasoning.contains("175"), "capped as in training: {answer:?}");
        let told = json!({"service_name": "shop", "replica_count": 4, "timestamp": 60});
        assert_eq!(ask(told).expect("an answer").current_replicas, 4);
        let again = json!({"service_name": "shop", "timestamp": 90});
        assert_eq!(ask(again).expect("an answer").current_replicas, 4, "the newest that was told");
        let late = ask(json!({"service_name": "shop", "timestamp": 60})).expect_err("late");
        assert!(late.to_string().starts_with("timestamp: expected rows in the order"), "{late}");
        let unknown = ask(json!({"service_name": "bar"})).expect_err("unknown");
        assert_eq!(
            unknown.to_string(),
            "service_name: the model knows shop, found \"bar\": train it on that service too"
        );
    }

    #[cfg(feature = "neural")]
    #[test]
    fn a_network_tells_what_is_there_until_it_has_seen_enough() {
        let (mut predictor, _) = fitted(ModelKind::LstmCnn);
        let rows = predictor.model().kind().rows();
        for (place, mut record) in wave("shop", 20).into_iter().enumerate() {
            record.replicas = Some(9.0);
            let request = Request::of(record);
            let service = predictor.histories.get("shop").map_or(0, |h| h.rows.len());
            assert_eq!(service, place.min(rows), "it remembers no more than it looks at");
            let answer = predictor.predict(request).expect("an answer");
            // It has learnt of three replicas, so it would not say nine by itself.
            assert_eq!(answer.predicted_replicas == 9, place + 1 < rows, "row {place}");
        }
    }

    #[test]
    fn answers_stay_between_one_and_ten() {
        let (mut predictor, _) = trained();
        for (second, count) in [(30, 0.0), (60, 50.0)] {
            let mut record = Record::empty(Timestamp::from_millis(second * 1000), "shop".into());
            record.set(Metric::Cpu, 99.0);
            record.replicas = Some(count);
            let answer = predictor.predict(Request::of(record)).expect("an answer");
            assert!((1..=10).contains(&answer.predicted_replicas));
            assert_eq!(f64::from(answer.current_replicas), count);
        }
    }
}
