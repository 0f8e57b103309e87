//! The standard queries: one a signal, one that finds the targets.
//!
//! Two containers can share an identity for a while: a container that was made anew has a new cgroup
//! path (`id`), and a rate still sees the old one until its range has passed. So every query keeps
//! `id` beside the identity labels, and the caller takes the rows of the newest container only: a dead
//! predecessor is neither added nor, by a `max`, preferred.

use std::time::Duration;

use crate::config::TargetRule;
use crate::target::Signal;
use crate::units::duration;

/// The label that tells a container from its predecessor of the same name.
pub const ID_LABEL: &str = "id";

/// The query that finds the targets of `rule`: its values are the times, in seconds, of each series'
/// newest sample. For a selector that is the time of the scrape; for any other expression, the time
/// of the evaluation, and the age of the data cannot be seen.
pub fn discovery(rule: &TargetRule) -> String {
    format!("timestamp({})", rule.discover)
}

/// The query of `signal` for all targets of `rule`: the rule's own where it has one, else the
/// standard one; `None` where neither is. A standard query returns one row for each container: the identity labels and `id`.
///
/// Counters are read over `rate_interval`. Counters of several CPUs or devices are summed; of
/// several scrapes of one container the greatest gauge counts.
pub fn signal(rule: &TargetRule, signal: Signal, rate_interval: Duration) -> Option<String> {
    if let Some(query) = rule.signals.get(&signal) {
        return Some(query.clone());
    }
    let terms = Terms {
        by: grouping(&rule.identity),
        matchers: matchers(&rule.discover).map(|m| format!("{{{m}}}")).unwrap_or_default(),
        range: duration::format(rate_interval),
    };
    Some(match signal {
        Signal::CpuUsageCores => terms.rate("container_cpu_usage_seconds_total"),
        Signal::CpuLimitCores => format!(
            "{} / {}",
            terms.gauge("container_spec_cpu_quota"),
            terms.gauge("container_spec_cpu_period")
        ),
        // An idle container has no enforcement periods and is not throttled: 0, where 0/0 is nothing.
        Signal::CpuThrottledRatio => format!(
            "clamp_max({} / clamp_min({}, 1e-9), 1)",
            terms.rate("container_cpu_cfs_throttled_periods_total"),
            terms.rate("container_cpu_cfs_periods_total")
        ),
        Signal::CpuPressureRatio => terms.waiting("container_pressure_cpu_waiting_seconds_total"),
        Signal::MemoryWorkingSetBytes => terms.gauge("container_memory_working_set_bytes"),
        // 0 stands for "no limit" in cAdvisor's metric.
        Signal::MemoryLimitBytes => {
            format!("{} > 0", terms.gauge("container_spec_memory_limit_bytes"))
        }
        Signal::MemoryPressureRatio => {
            terms.waiting("container_pressure_memory_waiting_seconds_total")
        }
        Signal::MemorySwapBytes => terms.gauge("container_memory_swap"),
        Signal::OomKills => terms.gauge("container_oom_events_total"),
        Signal::IoReadBytesPerSecond => terms.rate("container_fs_reads_bytes_total"),
        Signal::IoWrittenBytesPerSecond => terms.rate("container_fs_writes_bytes_total"),
        Signal::Tasks => format!(
            "{} or {}",
            terms.gauge("container_threads"),
            terms.gauge("container_processes")
        ),
        Signal::StartTimeSeconds => terms.gauge("container_start_time_seconds"),
        // How a service counts its load, its replicas, its time and its errors is its own.
        Signal::Load
        | Signal::ReplicasReady
        | Signal::ReplicasWanted
        | Signal::LatencySeconds
        | Signal::ErrorRatio => return None,
    })
}

/// What the standard queries share.
struct Terms {
    /// `instance, name, id`.
    by: String,
    /// `{name!=""}`, or nothing.
    matchers: String,
    /// `1m`.
    range: String,
}

impl Terms {
    fn rate(&self, metric: &str) -> String {
        format!("sum by ({}) (rate({metric}{}[{}]))", self.by, self.matchers, self.range)
    }

    fn gauge(&self, metric: &str) -> String {
        format!("max by ({}) ({metric}{})", self.by, self.matchers)
    }

    /// Seconds of waiting a second; extrapolation can lift the rate above 1.
    fn waiting(&self, metric: &str) -> String {
        format!(
            "clamp_max(max by ({}) (rate({metric}{}[{}])), 1)",
            self.by, self.matchers, self.range
        )
    }
}

fn grouping(identity: &[String]) -> String {
    let mut labels: Vec<&str> = identity.iter().map(String::as_str).collect();
    if !labels.contains(&ID_LABEL) {
        labels.push(ID_LABEL);
    }
    labels.join(", ")
}

/// The label matchers of a plain selector (`metric{a="b", c=~"d"}` → `a="b", c=~"d"`), so that the
/// signals are asked of the same containers only. `None` for any other expression, and where there
/// are none: the signals are then asked of all containers, and the join drops what is too much.
fn matchers(discover: &str) -> Option<&str> {
    let rest = discover.trim();
    let name = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let inside = rest[name..].trim_start().strip_prefix('{')?;
    let mut left = inside.trim_start();
    while !left.starts_with('}') {
        left = after_matcher(left)?.trim_start();
        left = left.strip_prefix(',').unwrap_or(left).trim_start();
    }
    let text = inside[..inside.len() - left.len()].trim();
    (left == "}" && !text.is_empty()).then_some(text)
}

/// The text after the matcher that `text` begins with; `None` where it begins with none, or with one
/// of the metric's own name, which the other metrics do not have.
fn after_matcher(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (label, rest) = text.split_at(end);
    if label.is_empty() || label == "__name__" {
        return None;
    }
    let rest = rest.trim_start();
    let rest = ["!=", "=~", "!~", "="].into_iter().find_map(|op| rest.strip_prefix(op))?;
    after_string(rest.trim_start())
}

/// The text after the PromQL string that `text` begins with.
fn after_string(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            return Some(&text[i + 1..]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use proptest::prelude::*;

    fn rule(discover: &str, identity: &[&str]) -> TargetRule {
        TargetRule {
            discover: discover.to_owned(),
            identity: identity.iter().map(|s| (*s).to_owned()).collect(),
            ..config::TargetRule::named("r")
        }
    }

    #[test]
    fn the_standard_queries() {
        let rule = rule(r#"container_last_seen{name!=""}"#, &["instance", "name"]);
        let mut text = format!("discovery: {}\n", discovery(&rule));
        for s in Signal::ALL {
            let query = signal(&rule, s, Duration::from_secs(60));
            text.push_str(&format!("{s}: {}\n", query.as_deref().unwrap_or("(none)")));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_rule_may_replace_a_query() {
        let mut rule = rule("up", &["instance"]);
        rule.signals.insert(Signal::CpuUsageCores, "my:cpu".to_owned());
        let query = signal(&rule, Signal::CpuUsageCores, Duration::from_secs(60));
        assert_eq!(query.as_deref(), Some("my:cpu"));
    }

    #[test]
    fn id_is_asked_for_once() {
        let query =
            signal(&rule("up", &["id"]), Signal::MemoryWorkingSetBytes, Duration::from_secs(60));
        assert_eq!(query.as_deref(), Some("max by (id) (container_memory_working_set_bytes)"));
    }

    #[test]
    fn matchers_of_a_plain_selector() {
        for (discover, expected) in [
            (r#"container_last_seen{name!=""}"#, Some(r#"name!="""#)),
            (r#" a:b { x = "1" , y=~'}"',z!~`\`, } "#, Some(r#"x = "1" , y=~'}"',z!~`\`,"#)),
            (r#"{job="a"}"#, Some(r#"job="a""#)),
            (r#"m{a="\"}"}"#, Some(r#"a="\"}""#)),
            ("m", None),
            ("m{}", None),
            (r#"{__name__="m",a="b"}"#, None),
            (r#"{"m.x", a="b"}"#, None),
            (r#"m{a="b"} offset 5m"#, None),
            (r#"m{a="b"} and up"#, None),
            (r#"sum by (a) (m{a="b"})"#, None),
            (r#"m{a="b""#, None),
            (r#"m{a="b}"#, None),
            (r#"m{a=b}"#, None),
        ] {
            assert_eq!(matchers(discover), expected, "{discover}");
        }
    }

    proptest! {
        #[test]
        fn any_expression_has_matchers_or_none(text in r#"[a-z_]{0,3}[{ ]{0,2}([a-z]{1,2}(=|!=|=~)["'`][^"]{0,3}["'`],?){0,3}[} ]{0,2}.{0,3}"#) {
            if let Some(found) = matchers(&text) {
                prop_assert!(text.contains(found));
            }
        }
    }
}
