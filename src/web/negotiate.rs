//! What a client can read: `Accept` and `Accept-Encoding`, RFC 9110 §12.5.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// A text form of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's text format 0.0.4: the default.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The exact `Content-Type`. Prometheus 3 refuses a scrape with any other spelling.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The form that `headers` like best; [`Format::Text`] where they say nothing, like both alike,
    /// or accept neither: a scraper does better with an answer than with 406.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let ranges = weighted(headers, &ACCEPT);
        let open_metrics = liking(&ranges, "application/openmetrics-text", "1.0.0");
        let text = liking(&ranges, "text/plain", "0.0.4");
        if open_metrics.quality > 0.0 && open_metrics > text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// Whether the client reads gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = weighted(headers, &ACCEPT_ENCODING);
    let quality = |name: &str| codings.iter().find(|c| c.value == name).map(|c| c.quality);
    quality("gzip").or_else(|| quality("*")).is_some_and(|q| q > 0.0)
}

/// How much a form is liked. The greater is served.
#[derive(PartialEq, PartialOrd)]
struct Liking {
    /// 0 is "not at all", 1 most.
    quality: f32,
    /// How exactly the form was named: 0 `*/*`, 1 `type/*`, 2 `type/subtype`, 3 with its version.
    exactness: u8,
}

/// The quality that the most exact range gives to `media_type` of `version`.
fn liking(ranges: &[Weighted], media_type: &str, version: &str) -> Liking {
    let main_type = media_type.split('/').next().unwrap_or(media_type);
    let exactness = |range: &Weighted| match (range.value.as_str(), range.version.as_deref()) {
        (value, None) if value == media_type => Some(2),
        (value, Some(asked)) if value == media_type => (asked == version).then_some(3),
        ("*/*", _) => Some(0),
        (value, _) => (value.strip_suffix("/*") == Some(main_type)).then_some(1),
    };
    ranges
        .iter()
        .filter_map(|range| Some(Liking { quality: range.quality, exactness: exactness(range)? }))
        .max_by(|a, b| a.exactness.cmp(&b.exactness).then(a.quality.total_cmp(&b.quality)))
        .unwrap_or(Liking { quality: 0.0, exactness: 0 })
}

/// One element of an `Accept` or `Accept-Encoding` header, in lower case.
struct Weighted {
    value: String,
    version: Option<String>,
    /// From 0 to 1.
    quality: f32,
}

/// All elements of all headers `name`. An element whose weight makes no sense is left out.
fn weighted(headers: &HeaderMap, name: &HeaderName) -> Vec<Weighted> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(parse_element)
        .collect()
}

fn parse_element(element: &str) -> Option<Weighted> {
    let mut parts = element.split(';');
    let value = parts.next()?.trim().to_ascii_lowercase();
    let (mut version, mut quality) = (None, 1.0);
    for (key, text) in parts.filter_map(|part| part.split_once('=')) {
        let text = text.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(text.to_owned()),
            "q" => quality = text.parse().ok().filter(|q| (0.0..=1.0).contains(q))?,
            _ => {}
        }
    }
    (!value.is_empty()).then_some(Weighted { value, version, quality })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header value"))])
    }

    #[test]
    fn formats() {
        use Format::{OpenMetrics, Text};
        let table = [
            ("", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text),
            ("application/openmetrics-text", OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;version=0.0.1,*/*;q=0.1", Text),
            ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0.2", Text),
            ("text/plain;q=0,*/*", OpenMetrics),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=0,application/*", Text),
            ("application/*", OpenMetrics),
            ("application/openmetrics-text;q=NaN", Text),
            ("application/openmetrics-text;q=7", Text),
            ("application/json", Text),
            // Prometheus 2.42, and with native histograms.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
                 application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
                 */*;q=0.1",
                OpenMetrics,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
            // Prometheus 3 with `scrape_protocols: [PrometheusText0.0.4]`.
            ("text/plain;version=0.0.4;escaping=allow-utf-8;q=0.5,*/*;q=0.2", Text),
        ];
        for (accept, expected) in table {
            assert_eq!(Format::negotiate(&headers(ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(Format::negotiate(&HeaderMap::new()), Text);
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut both = headers(ACCEPT, "text/plain;q=0.5");
        both.append(ACCEPT, "application/openmetrics-text".parse().expect("a header value"));
        assert_eq!(Format::negotiate(&both), Format::OpenMetrics);
    }

    #[test]
    fn encodings() {
        let table = [
            ("gzip", true),
            ("GZIP;q=0.1", true),
            ("deflate, gzip;q=1.0, *;q=0", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ];
        for (accept, expected) in table {
            assert_eq!(accepts_gzip(&headers(ACCEPT_ENCODING, accept)), expected, "{accept}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_header_is_read(value in "[ -~]{0,60}") {
            Format::negotiate(&headers(ACCEPT, &value));
            accepts_gzip(&headers(ACCEPT_ENCODING, &value));
        }
    }
}
