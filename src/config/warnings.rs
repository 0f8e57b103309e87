//! What is allowed and still likely to be regretted.

use super::{Config, Forecast, Guard, TargetRule};
use crate::target::{Dimension, Mode};
use crate::units::duration;

/// Settings that are valid and risky, one sentence each, with the key first.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut warn = |holds: bool, text: String| {
        if holds {
            found.push(text);
        }
    };
    let (global, prometheus, web) = (&config.global, &config.prometheus, &config.web);
    let interval = duration::format(global.evaluation_interval);
    warn(
        prometheus.max_sample_age < global.evaluation_interval,
        format!(
            "prometheus.max_sample_age: {} is shorter than global.evaluation_interval ({interval}): \
             data may always count as stale, and nothing shrinks",
            duration::format(prometheus.max_sample_age)
        ),
    );
    warn(
        prometheus.timeout > global.evaluation_interval,
        format!(
            "prometheus.timeout: {} is longer than global.evaluation_interval ({interval}): a slow \
             answer delays the next tick",
            duration::format(prometheus.timeout)
        ),
    );
    warn(
        prometheus.http_config.tls_config.insecure_skip_verify,
        "prometheus.http_config.tls_config.insecure_skip_verify: anyone on the way can answer for \
         Prometheus"
            .to_owned(),
    );
    let has_credentials =
        web.bearer_token.is_some() || web.bearer_token_file.is_some() || web.basic_auth.is_some();
    warn(
        !has_credentials && web.allow_unauthenticated_writes,
        "web.allow_unauthenticated_writes: anyone who reaches the port can post alerts and reload"
            .to_owned(),
    );
    let enforces = config.targets.iter().any(|rule| mode(config, rule) == Mode::Enforce);
    warn(
        enforces && !has_credentials && !web.allow_unauthenticated_writes,
        "web: there are no credentials, so alerts are refused: set bearer_token_file or basic_auth"
            .to_owned(),
    );
    for (i, rule) in config.alerts.rules.iter().enumerate() {
        warn(
            rule.ttl < global.evaluation_interval,
            format!(
                "alerts.rules[{i}].ttl: {} is shorter than global.evaluation_interval ({interval}): \
                 the alert may expire unseen",
                duration::format(rule.ttl)
            ),
        );
    }
    for (i, model) in config.forecast.models.iter().enumerate() {
        let lacking = Forecast::lacking(model);
        let feature = lacking.unwrap_or_default();
        warn(
            lacking.is_some(),
            format!(
                "forecast.models[{i}]: this build lacks {model}, so it is left out: build it with \
                 --features {feature}"
            ),
        );
    }
    for (i, rule) in config.targets.iter().enumerate() {
        found.extend(rule_warnings(config, rule).map(|text| format!("targets[{i}]{text}")));
    }
    found
}

fn mode(config: &Config, rule: &TargetRule) -> Mode {
    rule.mode.unwrap_or(config.global.mode)
}

fn rule_warnings(config: &Config, rule: &TargetRule) -> impl Iterator<Item = String> {
    let default = Guard::default();
    let guard = rule.guard.as_ref().or(config.guard.as_ref()).unwrap_or(&default);
    let enforces = mode(config, rule) == Mode::Enforce;
    let history = config.global.history;
    // A service is one target however many containers it has.
    let of_services =
        !rule.scale.is_empty() && rule.scale.keys().all(|d| *d == Dimension::Replicas);
    let tells_apart =
        of_services || rule.identity.iter().any(|label| label == "name" || label == "id");
    let beyond = |name: &str, span| {
        (span > history).then(|| {
            format!(
                ".guard.{name}: {} is longer than global.history ({}): what is older is not seen",
                duration::format(span),
                duration::format(history)
            )
        })
    };
    [
        (!tells_apart).then(|| {
            ".identity: neither name nor id is in it: of containers that share an identity only the \
             newest is seen"
                .to_owned()
        }),
        (enforces && guard.cooldown_down.is_zero() && guard.stabilization_down.is_zero()).then(
            || {
                ".guard: without cooldown_down and stabilization_down limits may swing at every tick"
                    .to_owned()
            },
        ),
        beyond("peak_window", guard.peak_window),
        beyond("stabilization_down", guard.stabilization_down),
        beyond("stabilization_up", guard.stabilization_up),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    #[test]
    fn models_that_the_build_lacks_are_warned_of() {
        let text = "prometheus: {url: 'http://p'}\ntargets: [{name: a}]\n\
                    forecast: {models: [naive, lstm]}\n";
        let found = warnings(&parse(text, "loadline.yml").unwrap());
        let expected = "forecast.models[1]: this build lacks lstm, so it is left out: build it with \
                        --features neural";
        let expected = if cfg!(feature = "neural") { vec![] } else { vec![expected] };
        assert_eq!(found, expected);
    }

    #[test]
    fn containers_are_told_apart_and_services_need_not_be() {
        let found = |scale: &str| {
            let text = format!(
                "prometheus: {{url: 'http://p'}}\n\
                 targets:\n\
                 - name: a\n\
                 \x20 identity: [service]\n\
                 \x20 workload: {{capacity: 5}}\n\
                 \x20 signals: {{load: x, replicas_ready: y}}\n\
                 \x20 scale: {{{scale}}}\n"
            );
            warnings(&parse(&text, "loadline.yml").unwrap()).len()
        };
        assert_eq!(found("replicas: {min: 1, max: 9}"), 0);
        assert_eq!(found("cpu: {min: 1, max: 9}"), 1);
        assert_eq!(found("cpu: {min: 1, max: 9}, replicas: {min: 1, max: 9}"), 1);
    }
}
