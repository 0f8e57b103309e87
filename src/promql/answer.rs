//! Answers of the query API, read straight from the bytes into what is kept of them.

use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::labels::SeriesLabels;
use crate::units::Timestamp;

/// One value at one time. The value may be infinite or not a number: Prometheus sends both.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(from = "(f64, Number)")]
pub struct Sample {
    /// The time of the evaluation, which is not that of the scrape.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

impl From<(f64, Number)> for Sample {
    fn from((seconds, Number(value)): (f64, Number)) -> Self {
        Self { at: Timestamp::from_seconds(seconds), value }
    }
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels; none for a scalar.
    pub labels: SeriesLabels,
    /// Its samples by time: one in an instant answer, one a step with data in a range answer.
    pub samples: Vec<Sample>,
}

/// What a query returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The series, in the server's order.
    pub series: Vec<Series>,
    /// What the server warns of, such as a store that did not answer.
    pub warnings: Vec<String>,
    /// Remarks on the query that do not lessen the answer.
    pub infos: Vec<String>,
    /// Whether the server says that data may be missing: warnings, or VictoriaMetrics' `isPartial`.
    pub is_partial: bool,
}

impl Answer {
    /// The answer in a body of `/api/v1/query` or `/api/v1/query_range`.
    ///
    /// # Errors
    /// What was expected and what was found, with the place in the body, or the server's own error.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        match parse(body)? {
            Reply::Success(answer) => Ok(answer),
            Reply::Error { kind, message } => Err(format!("{kind}: {message}")),
        }
    }
}

/// A well-formed reply: an answer, or the server's own error.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Success(Answer),
    Error { kind: String, message: String },
}

/// Reads a reply of `/api/v1/query` or `/api/v1/query_range`.
///
/// # Errors
/// What was expected and what was found, with the place in the body.
pub(super) fn parse(body: &[u8]) -> Result<Reply, String> {
    let wire: Wire = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    match (wire.status, wire.data) {
        (Status::Success, Some(data)) => Ok(Reply::Success(Answer {
            series: data.into_series()?,
            is_partial: wire.is_partial || !wire.warnings.is_empty(),
            warnings: wire.warnings,
            infos: wire.infos,
        })),
        (Status::Success, None) => Err("expected the key \"data\", found none".to_owned()),
        (Status::Error, _) => Ok(Reply::Error { kind: wire.error_type, message: wire.error }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    status: Status,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
    #[serde(default)]
    is_partial: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: ResultType,
    result: Vec<Element>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResultType {
    Vector,
    Matrix,
    Scalar,
    String,
}

impl Data {
    fn into_series(self) -> Result<Vec<Series>, String> {
        match self.result_type {
            ResultType::Vector | ResultType::Matrix => {
                self.result.into_iter().map(Element::into_series).collect()
            }
            ResultType::Scalar => match &self.result[..] {
                [Element::Number(seconds), Element::Text(text)] => {
                    let value = parse_number(text)
                        .ok_or_else(|| format!("expected a number as text, found {text:?}"))?;
                    let at = Timestamp::from_seconds(*seconds);
                    let samples = vec![Sample { at, value }];
                    Ok(vec![Series { labels: SeriesLabels::default(), samples }])
                }
                _ => Err("expected a scalar as [time, \"value\"]".to_owned()),
            },
            ResultType::String => Err("expected numbers, found a string: the query is a string \
                                       literal"
                .to_owned()),
        }
    }
}

/// An entry of `result`: a series, or half of a scalar. Told apart by its JSON type, so that the
/// place of `resultType` in the object does not matter and nothing is read twice.
enum Element {
    Series(WireSeries),
    Number(f64),
    Text(String),
}

impl Element {
    fn into_series(self) -> Result<Series, String> {
        let Self::Series(wire) = self else {
            return Err("expected a series as an object".to_owned());
        };
        if wire.histogram.or(wire.histograms).is_some() {
            return Err(format!(
                "expected numbers, found a native histogram in the series {:?}: wrap it in \
                 histogram_quantile or histogram_count",
                wire.metric
            ));
        }
        // Exactly one: a list that grows has room for four.
        let samples = wire.value.map_or(wire.values, |sample| vec![sample]);
        Ok(Series { labels: wire.metric, samples })
    }
}

#[derive(Deserialize)]
struct WireSeries {
    #[serde(default)]
    metric: SeriesLabels,
    value: Option<Sample>,
    #[serde(default)]
    values: Vec<Sample>,
    histogram: Option<IgnoredAny>,
    histograms: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct ElementVisitor;

        impl<'de> Visitor<'de> for ElementVisitor {
            type Value = Element;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a series, or the two halves of a scalar")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
                let series = de::value::MapAccessDeserializer::new(map);
                WireSeries::deserialize(series).map(Element::Series)
            }

            fn visit_f64<E>(self, number: f64) -> Result<Element, E> {
                Ok(Element::Number(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Element, E> {
                Ok(Element::Number(number as f64))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Element, E> {
                Ok(Element::Number(number as f64))
            }

            fn visit_str<E>(self, text: &str) -> Result<Element, E> {
                Ok(Element::Text(text.to_owned()))
            }
        }

        d.deserialize_any(ElementVisitor)
    }
}

/// A number as the API writes it: a string, so that `NaN` and `+Inf` have a place in JSON.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number as text, such as \"0.5\" or \"NaN\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                parse_number(text)
                    .map(Number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        // By reference where the text has no escapes: no copy of any value is made.
        d.deserialize_str(NumberVisitor)
    }
}

fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn success(body: &str) -> Answer {
        match parse(body.as_bytes()) {
            Ok(Reply::Success(answer)) => answer,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_vector_keeps_labels_times_and_unusual_numbers() {
        let answer = success(
            r#"{"status":"success","data":{"resultType":"vector","result":[
                {"metric":{"name":"a","id":"/docker/\u00e9"},"value":[1767225600.25,"0.5"]},
                {"metric":{},"value":[1767225600,"NaN"]},
                {"metric":{"name":"c"},"value":[1767225600,"+Inf"]},
                {"metric":{"name":"d"},"value":[1767225600,"-1e-05"]}]}}"#,
        );
        assert_eq!(answer.series.len(), 4);
        assert_eq!(answer.series[0].labels.get("id"), Some("/docker/é"));
        assert_eq!(answer.series[0].samples[0].at, Timestamp::from_millis(1_767_225_600_250));
        assert_eq!(answer.series[0].samples[0].value, 0.5);
        assert!(answer.series[1].samples[0].value.is_nan());
        assert_eq!(answer.series[2].samples[0].value, f64::INFINITY);
        assert_eq!(answer.series[3].samples[0].value, -1e-5);
        assert!(!answer.is_partial);
    }

    #[test]
    fn a_matrix_and_a_scalar_are_read_in_any_key_order() {
        let matrix = success(
            r#"{"data":{"result":[{"values":[[1,"1"],[2.5,"2"]],"metric":{"a":"b"}}],
                "resultType":"matrix"},"status":"success","stats":{"any":[1]}}"#,
        );
        let at: Vec<i64> = matrix.series[0].samples.iter().map(|s| s.at.millis()).collect();
        assert_eq!(at, [1000, 2500]);
        let scalar = success(
            r#"{"status":"success","data":{"resultType":"scalar","result":[7,"3"]},"infos":["i"]}"#,
        );
        assert_eq!(scalar.series[0].samples[0].value, 3.0);
        assert_eq!(scalar.infos, ["i"]);
        assert!(!scalar.is_partial, "an info does not make an answer partial");
    }

    #[test]
    fn warnings_make_an_answer_partial() {
        let empty = r#""status":"success","data":{"resultType":"vector","result":[]}"#;
        assert!(success(&format!(r#"{{{empty},"warnings":["store down"]}}"#)).is_partial);
        assert!(success(&format!(r#"{{{empty},"isPartial":true}}"#)).is_partial);
        assert!(!success(&format!("{{{empty}}}")).is_partial);
    }

    #[test]
    fn the_servers_error_is_kept() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#;
        let expected =
            Reply::Error { kind: "bad_data".to_owned(), message: "1:5: parse error".to_owned() };
        assert_eq!(parse(body), Ok(expected));
    }

    #[test]
    fn what_is_no_answer_says_what_was_expected() {
        let cases = [
            ("<html>", "expected value"),
            (r#"{"status":"success"}"#, "expected the key \"data\", found none"),
            (r#"{"status":"fine"}"#, "unknown variant `fine`"),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,2]}]}}"#,
                "expected a number as text",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}"#,
                "expected a number as text",
            ),
            (
                r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#,
                "found a string",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":
                    [{"metric":{"le":"1"},"histogram":[1,{"count":"2"}]}]}}"#,
                "native histogram",
            ),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[1]}}"#,
                "expected a scalar",
            ),
        ];
        for (body, expected) in cases {
            let error = parse(body.as_bytes()).expect_err(body);
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }

        /// Damage in the middle of a good body reaches deeper than bytes from nowhere.
        #[test]
        fn a_damaged_answer_is_an_answer_or_an_error(at in 0usize..140, byte in any::<u8>(), cut in 0usize..140) {
            let good = br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"name":"a"},"value":[1767225600.25,"0.5"]}]},"warnings":["w"]}"#;
            let mut body = good.to_vec();
            let at = at.min(body.len() - 1);
            body[at] = byte;
            let _ = parse(&body);
            body.truncate(cut.min(good.len() - 1));
            prop_assert!(parse(&body).is_err(), "a cut body was taken for a whole one");
        }

        #[test]
        fn numbers_survive(value in any::<f64>()) {
            let body = format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[0,"{value}"]}}]}}}}"#
            );
            let read = success(&body).series[0].samples[0].value;
            prop_assert!(read == value || (read.is_nan() && value.is_nan()));
        }
    }
}
