//! Prometheus's rules and Alertmanager's route.

use std::collections::BTreeSet;

use loadline::config::Alerts;
use loadline::units::duration;
use serde_json::Value;

use super::{list, metrics, promql, read, run, text, yaml};

const RULES: &str = "prometheus/rules/loadline.yml";
const TESTS: [&str; 2] =
    ["prometheus/rules/tests/containers.yml", "prometheus/rules/tests/health.yml"];
const ROUTES: &str = "alertmanager/alertmanager.yml";

fn all_rules() -> Vec<Value> {
    let file = yaml(RULES);
    let rules: Vec<Value> =
        list(&file["groups"]).iter().flat_map(|g| list(&g["rules"])).cloned().collect();
    assert!(rules.len() > 10, "{RULES} holds rules: found {}", rules.len());
    rules
}

fn alert_names() -> BTreeSet<String> {
    all_rules().iter().filter_map(|rule| rule["alert"].as_str().map(str::to_owned)).collect()
}

#[test]
fn prometheus_takes_its_configuration_and_rules() {
    run("promtool", &["check", "config", "prometheus/prometheus.yml"]);
    let lint = run("promtool", &["check", "rules", "--lint=all", "--lint-fatal", RULES]);
    assert!(lint.contains("SUCCESS"), "{lint}");
}

#[test]
fn rules_fire_and_keep_silent_as_their_tests_say() {
    run("promtool", &[&["test", "rules"][..], &TESTS].concat());
}

#[test]
fn each_alert_has_a_test_that_fires_and_one_that_does_not() {
    let mut fires = BTreeSet::new();
    let mut is_silent = BTreeSet::new();
    for file in TESTS.map(yaml) {
        for case in list(&file["tests"]).iter().flat_map(|test| list(&test["alert_rule_test"])) {
            let seen =
                if list(&case["exp_alerts"]).is_empty() { &mut is_silent } else { &mut fires };
            seen.insert(text(&case["alertname"]).to_owned());
        }
    }
    assert_eq!(fires, alert_names());
    assert_eq!(is_silent, alert_names());
}

#[test]
fn rules_use_metrics_that_exist() {
    let mut known = metrics::known();
    let rules = all_rules();
    known.extend(rules.iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)));
    for rule in &rules {
        let unknown: Vec<String> = promql::metric_names(text(&rule["expr"]))
            .into_iter()
            .filter(|name| !known.contains(name))
            .collect();
        assert!(unknown.is_empty(), "nobody exports {unknown:?}, used in {}", rule["expr"]);
    }
}

#[test]
fn alertmanager_routes_alerts_about_containers_to_the_scaler() {
    run("amtool", &["check-config", ROUTES]);
    let receivers = |alertname: &str| {
        let label = format!("alertname={alertname}");
        let config = format!("--config.file={ROUTES}");
        // Warnings go to stderr; the last line is the answer.
        let answer = run("amtool", &["config", "routes", "test", &config, &label]);
        answer.lines().next().unwrap_or_default().to_owned()
    };
    for name in alert_names() {
        let expected =
            if name.starts_with("Container") { "loadline-scaler,people" } else { "people" };
        assert_eq!(receivers(&name), expected, "{name}");
    }
}

#[test]
fn what_the_scaler_listens_to_by_default_exists_and_is_repeated_in_time() {
    let routes = yaml(ROUTES);
    let route = &routes["route"]["routes"][0];
    assert_eq!(text(&route["receiver"]), "loadline-scaler");
    let repeat = duration::parse(text(&route["repeat_interval"])).unwrap();
    let names = alert_names();
    for rule in Alerts::default().rules {
        assert!(names.contains(&rule.alertname), "{} is in {RULES}", rule.alertname);
        assert!(read(ROUTES).contains(&rule.alertname), "{} is in {ROUTES}", rule.alertname);
        assert!(repeat < rule.ttl, "{}: repeated after {repeat:?}", rule.alertname);
    }
}
