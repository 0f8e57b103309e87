//! What is asked about one service at one moment, as JSON has it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::features::kubernetes::{ENGINEERED, METRICS, Record};
use crate::units::Timestamp;

/// A record, and of the features that are made of records those that the asker has made himself.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What was measured.
    pub record: Record,
    /// In the order of [`ENGINEERED`]; they count before what is computed here.
    pub engineered: [Option<f64>; ENGINEERED.len()],
}

/// Why a request cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Not a JSON object.
    #[error("expected a JSON object of metrics by name, found {found}")]
    NoObject {
        /// What it is.
        found: &'static str,
    },
    /// A key that must be there is not.
    #[error("{key}: expected {expected}, found nothing")]
    Missing {
        /// The key.
        key: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A value of the wrong kind.
    #[error("{key}: expected {expected}, found {found}")]
    Value {
        /// The key.
        key: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A key that means nothing.
    #[error("{key}: no such metric; there are {}, {}", METRICS.join(", "), "replica_count, is_holiday, is_weekend and what is made of them")]
    Unknown {
        /// The key.
        key: String,
    },
}

impl Request {
    /// A request of this record alone.
    pub fn of(record: Record) -> Self {
        Self { record, engineered: [None; ENGINEERED.len()] }
    }

    /// Reads a request: `service_name`; the metrics and what is made of them, by name; `replica_count`
    /// (or `current_replicas`); `timestamp`, RFC 3339 or Unix seconds, `now` where it is missing. A null
    /// is a missing value. Columns of the kind `service_NAME`, which say the service once more, are
    /// passed over.
    ///
    /// # Errors
    /// A missing service, an unknown key, a value of the wrong kind.
    pub fn from_json(json: &Value, now: Timestamp) -> Result<Self, RequestError> {
        let object = json.as_object().ok_or(RequestError::NoObject { found: kind(json) })?;
        let service = service(object)?;
        let at = object.get("timestamp").map_or(Ok(now), instant)?;
        let mut request = Self::of(Record::empty(at, service));
        for (key, value) in object {
            request.set(key, value)?;
        }
        Ok(request)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), RequestError> {
        let place = |names: &[&str]| names.iter().position(|name| *name == key);
        let record = &mut self.record;
        if let Some(place) = place(&METRICS) {
            record.metrics[place] = number(key, value)?;
        } else if let Some(place) = place(&ENGINEERED) {
            self.engineered[place] = number(key, value)?;
        } else {
            match key {
                "replica_count" | "current_replicas" => record.replicas = count(key, value)?,
                "is_holiday" => record.is_holiday = number(key, value)?.map(|flag| flag != 0.0),
                "is_weekend" => record.is_weekend = number(key, value)?.map(|flag| flag != 0.0),
                "service_name" | "timestamp" => {}
                _ if key.starts_with("service_") => {}
                _ => return Err(RequestError::Unknown { key: key.to_owned() }),
            }
        }
        Ok(())
    }
}

fn service(object: &Map<String, Value>) -> Result<Arc<str>, RequestError> {
    let (key, expected) = ("service_name", "the name of a service");
    match object.get(key) {
        Some(Value::String(name)) if !name.is_empty() => Ok(name.as_str().into()),
        Some(value) => Err(wrong(key, expected, value)),
        None => Err(RequestError::Missing { key, expected }),
    }
}

fn instant(value: &Value) -> Result<Timestamp, RequestError> {
    let read = match value {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond()),
        Value::Number(seconds) => {
            seconds.as_f64().map(|seconds| Timestamp::from_seconds(seconds).millis())
        }
        _ => None,
    };
    let expected = "an RFC 3339 time such as 2026-01-31T12:00:00Z, or Unix seconds";
    read.map(Timestamp::from_millis).ok_or_else(|| wrong("timestamp", expected, value))
}

fn number(key: &str, value: &Value) -> Result<Option<f64>, RequestError> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(f64::from(*flag))),
        _ => value.as_f64().map(Some).ok_or_else(|| wrong(key, "a number", value)),
    }
}

fn count(key: &str, value: &Value) -> Result<Option<f64>, RequestError> {
    let count = number(key, value)?;
    match count {
        Some(count) if count < 0.0 || count.fract() != 0.0 => {
            Err(wrong(key, "a whole number that is not negative", value))
        }
        _ => Ok(count),
    }
}

fn wrong(key: &str, expected: &'static str, found: &Value) -> RequestError {
    RequestError::Value { key: key.to_owned(), expected, found: found.to_string() }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a flag",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::features::kubernetes::Metric;

    fn read(json: Value) -> Result<Request, String> {
        Request::from_json(&json, Timestamp::from_millis(5000)).map_err(|error| error.to_string())
    }

    #[test]
    fn metrics_are_read_by_name() {
        let request = read(json!({
            "service_name": "product",
            "cpu_usage_percent": 75.5,
            "ram_usage_percent": null,
            "node_cpu_pressure_flag": true,
            "replica_count": 2,
            "cpu_rolling_std": 5.2,
            "service_product": 1,
            "is_weekend": 0,
        }))
        .expect("a request");
        assert_eq!(&*request.record.service, "product");
        assert_eq!(request.record.at.millis(), 5000);
        assert_eq!(request.record.get(Metric::Cpu), Some(75.5));
        assert_eq!(request.record.get(Metric::Ram), None);
        assert_eq!(request.record.get(Metric::NodeCpuPressure), Some(1.0));
        assert_eq!((request.record.replicas, request.record.is_weekend), (Some(2.0), Some(false)));
        assert_eq!(request.engineered[7], Some(5.2));
        for time in [json!(7), json!("1970-01-01T00:00:07Z")] {
            let request = read(json!({"service_name": "a", "timestamp": time})).expect("a time");
            assert_eq!(request.record.at.millis(), 7000);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, expected) in [
            (json!([1]), "expected a JSON object of metrics by name, found a list"),
            (json!({}), "service_name: expected the name of a service, found nothing"),
            (json!({"service_name": 3}), "service_name: expected the name of a service, found 3"),
            (
                json!({"service_name": "a", "cpu_usage_percent": "high"}),
                "cpu_usage_percent: expected a number, found \"high\"",
            ),
            (
                json!({"service_name": "a", "replica_count": -1}),
                "replica_count: expected a whole number that is not negative, found -1",
            ),
            (
                json!({"service_name": "a", "timestamp": "soon"}),
                "timestamp: expected an RFC 3339 time such as 2026-01-31T12:00:00Z, or Unix seconds, found \"soon\"",
            ),
        ] {
            assert_eq!(read(json).expect_err(expected), expected);
        }
        let unknown = read(json!({"service_name": "a", "cpu": 1})).expect_err("unknown");
        assert!(
            unknown.starts_with("cpu: no such metric; there are cpu_usage_percent, "),
            "{unknown}"
        );
    }
}
