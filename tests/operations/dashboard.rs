//! The dashboard: its structure, and its queries.
//!
//! Grafana itself is not run: there is no package of it to install. What a dashboard most often has wrong is
//! checked instead: its structure here, and each of its queries against a real Prometheus by whoever calls
//! [`panel_queries`].

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{list, metrics, promql, read, run, text, yaml};

const DASHBOARD: &str = "grafana/dashboards/loadline.json";
const DATASOURCE: &str = "${datasource}";

/// One query of the dashboard, ready to be asked.
#[derive(Clone, Debug)]
pub struct PanelQuery {
    /// The panel's title, or `variable NAME`, or `annotation NAME`.
    pub panel: String,
    /// PromQL without variables.
    pub expr: String,
}

/// All queries of the dashboard's panels, variables and annotations. Grafana's variables are replaced: each of
/// `variables` by its value, the others by what matches everything.
pub fn panel_queries(variables: &[(&str, &str)]) -> Vec<PanelQuery> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    let mut add = |panel: String, expr: &str| {
        let expr = expand(expr, variables, &dashboard);
        assert!(
            !expr.contains('$') || expr.contains("\"$1\""),
            "{panel}: a variable is left: {expr}"
        );
        queries.push(PanelQuery { panel, expr });
    };
    for variable in list(&dashboard["templating"]["list"]) {
        if let Some(query) = variable["query"]["query"].as_str() {
            let inner = query.strip_prefix("label_values(").and_then(|q| q.rsplit_once(','));
            let (selector, _label) = inner.unwrap_or_else(|| panic!("label_values, found {query}"));
            add(format!("variable {}", text(&variable["name"])), selector);
        }
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        add(format!("annotation {}", text(&annotation["name"])), text(&annotation["expr"]));
    }
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            add(text(&panel["title"]).to_owned(), text(&target["expr"]));
        }
    }
    queries
}

fn expand(expr: &str, variables: &[(&str, &str)], dashboard: &Value) -> String {
    let mut expr = expr.replace("$__rate_interval", "1m").replace("$__interval", "15s");
    for (name, value) in variables {
        expr = expr.replace(&format!("${name}"), value);
    }
    for variable in list(&dashboard["templating"]["list"]) {
        // Where a variable has no "all" of its own, Grafana joins the values that it knows; one that takes
        // no "all" has a value from the start.
        let chosen = variable["current"]["value"].as_str();
        let all = variable["allValue"].as_str().or(chosen).unwrap_or(".+");
        expr = expr.replace(&format!("${}", text(&variable["name"])), all);
    }
    expr
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).expect("JSON")
}

#[test]
fn panels_have_ids_titles_and_places_of_their_own() {
    let dashboard = dashboard();
    let panels = list(&dashboard["panels"]);
    assert!(panels.len() > 20, "the panels were read: {}", panels.len());
    let mut ids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        let title = text(&panel["title"]);
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: id {}", panel["id"]);
        assert!(!title.is_empty() && titles.insert(title), "{title}: twice");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}: beyond the grid of 24 columns");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title}: overlaps at {cell:?}");
        }
    }
}

#[test]
fn every_query_names_the_chosen_data_source() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("datasource").filter(|v| v.is_object()));
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }
    let dashboard = dashboard();
    let mut found = Vec::new();
    references(&dashboard, &mut found);
    assert!(found.len() > 40, "the references were found: {}", found.len());
    for reference in found {
        assert_eq!(text(&reference["uid"]), DATASOURCE);
        assert_eq!(text(&reference["type"]), "prometheus");
    }
    for panel in list(&dashboard["panels"]).iter().filter(|p| p["type"] != "row") {
        let title = text(&panel["title"]);
        assert!(panel["datasource"].is_object(), "{title}: a data source");
        let targets = list(&panel["targets"]);
        assert!(!targets.is_empty(), "{title}: a query");
        let ids: BTreeSet<&str> = targets.iter().map(|t| text(&t["refId"])).collect();
        assert_eq!(ids.len(), targets.len(), "{title}: refIds");
        assert!(targets.iter().all(|t| t["datasource"].is_object()), "{title}: data sources");
        assert_ne!(panel["fieldConfig"]["defaults"]["unit"], Value::Null, "{title}: a unit");
    }
}

#[test]
fn queries_use_metrics_that_exist_and_prometheus_reads_them() {
    let known = metrics::known();
    let queries = panel_queries(&[("name", "shop"), ("instance", "h:1")]);
    assert!(queries.len() > 30, "{}", queries.len());
    let mut rules = "groups: [{name: dashboard, rules: [\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        let names = promql::metric_names(&query.expr);
        let unknown: Vec<&String> = names.iter().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{}: nobody exports {unknown:?}", query.panel);
        assert!(!names.is_empty(), "{}: {}", query.panel, query.expr);
        let expr = serde_json::to_string(&query.expr).expect("JSON is YAML");
        writeln!(rules, "{{record: 'dashboard:{number}', expr: {expr}}},").expect("to a string");
    }
    rules.push_str("]}]\n");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("queries.yml");
    std::fs::write(&path, rules).expect("written");
    run("promtool", &["check", "rules", path.to_str().expect("UTF-8")]);
}

#[test]
fn all_gauges_of_the_scaler_are_shown() {
    let used: BTreeSet<String> =
        panel_queries(&[]).iter().flat_map(|query| promql::metric_names(&query.expr)).collect();
    let missing: Vec<String> = metrics::known()
        .into_iter()
        .filter(|name| name.starts_with("loadline_") && !name.ends_with("_info"))
        // The exporter's own of a container, off by default.
        .filter(|name| !name.starts_with("loadline_container_"))
        .filter(|name| !used.contains(name))
        .collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}

#[test]
fn provisioning_names_what_is_there() {
    let source = yaml("grafana/provisioning/datasources/prometheus.yml");
    assert_eq!(text(&source["datasources"][0]["type"]), "prometheus");
    let scrape = yaml("prometheus/prometheus.yml");
    assert_eq!(
        source["datasources"][0]["jsonData"]["timeInterval"], scrape["global"]["scrape_interval"],
        "the shortest step of a query is the time between two scrapes"
    );
    let provider = yaml("grafana/provisioning/dashboards/loadline.yml");
    let path = text(&provider["providers"][0]["options"]["path"]);
    let mounted = format!("./grafana/dashboards:{path}:ro");
    assert!(read("docker-compose.yml").contains(&mounted), "docker-compose.yml mounts {mounted}");
}
