//! Prometheus's text format 0.0.4 out of OpenMetrics, which is all that `prometheus-client` writes.

use std::fmt::{self, Write};

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use super::Format;

/// All metrics of `registry`.
///
/// # Errors
/// Where a collector of the registry fails.
pub fn encode_registry(registry: &Registry, format: Format) -> Result<String, fmt::Error> {
    let mut open_metrics = String::new();
    text::encode(&mut open_metrics, registry)?;
    match format {
        Format::OpenMetrics => Ok(open_metrics),
        Format::Text => classic(&open_metrics),
    }
}

/// The same metrics in text 0.0.4. `open_metrics` has `# HELP` before `# TYPE` in each family.
///
/// * A counter's family is named as its samples are: with `_total`. So is an info's: with `_info`.
/// * Types that 0.0.4 does not know get the nearest it knows.
/// * Units, exemplars and the end mark do not exist.
fn classic(open_metrics: &str) -> Result<String, fmt::Error> {
    let mut out = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.rsplit_once(' ').unwrap_or((rest, "unknown"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            writeln!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}")?;
        } else if !line.starts_with('#') {
            writeln!(out, "{}", without_exemplar(line))?;
        }
    }
    Ok(out)
}

/// A sample's line up to its exemplar. A `#` within a label's value starts none.
fn without_exemplar(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return line[..at].trim_end(),
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use prometheus_client::metrics::MetricType;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::exemplar::CounterWithExemplar;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::Unit;
    use proptest::prelude::*;

    use super::*;

    type Labels = Vec<(&'static str, String)>;

    #[derive(Debug)]
    struct Failcnt;

    impl Collector for Failcnt {
        fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
            let name = "container_memory_failcnt";
            let metric =
                encoder.encode_descriptor(name, "Hits of the limit", None, MetricType::Unknown)?;
            ConstGauge::new(3u64).encode(metric)
        }
    }

    fn one_of_each() -> Registry {
        let mut registry = Registry::default();
        let requests = Family::<Labels, Counter>::default();
        requests.get_or_create(&vec![("path", "/a # {b=\"c\"} \\".to_owned())]).inc_by(2);
        registry.register("requests", "Requests", requests);
        let traced = CounterWithExemplar::<Labels>::default();
        traced.inc_by(5, Some(vec![("trace", "\"# x".to_owned())]), None);
        registry.register("traced", "With an exemplar", traced);
        let size: Gauge = Gauge::default();
        size.set(-7);
        registry.register_with_unit("size", "A size", Unit::Bytes, size);
        let latency = Histogram::new([0.1, 1.0]);
        latency.observe(0.5);
        registry.register("latency", "A latency", latency);
        registry.register("build", "The build", Info::new(vec![("version", "1".to_owned())]));
        registry.register_collector(Box::new(Failcnt));
        registry
    }

    #[test]
    fn both_forms() {
        let encode = |format| encode_registry(&one_of_each(), format).expect("encodes");
        insta::assert_snapshot!("open_metrics", encode(Format::OpenMetrics));
        insta::assert_snapshot!("classic", encode(Format::Text));
    }

    proptest! {
        #[test]
        fn label_values_survive(value in any::<String>()) {
            let mut registry = Registry::default();
            let family = Family::<Labels, Gauge>::default();
            family.get_or_create(&vec![("a", value)]).set(1);
            registry.register("x", "X", family);
            let open_metrics = encode_registry(&registry, Format::OpenMetrics).expect("encodes");
            let classic = encode_registry(&registry, Format::Text).expect("encodes");
            prop_assert_eq!(classic + "# EOF\n", open_metrics);
        }
    }
}
