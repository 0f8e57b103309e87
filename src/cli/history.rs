//! `--prometheus.url`, `--query` and their kin: rows from the history of a Prometheus.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use clap::Args;

use super::block_on;
use super::table::Row;
use crate::config::{self, Prometheus};
use crate::promql::{Client, Grid, Past};
use crate::target::Labels;
use crate::units::{Timestamp, duration};

/// From one row to the next.
const STEP: Duration = Duration::from_secs(60);

/// More rows are refused: a step in the wrong unit is likelier than a question of this size.
const MOST_ROWS: usize = 10_000_000;

/// The flags.
#[derive(Args)]
pub struct History {
    /// Base URL of the Prometheus to ask; prometheus.url of --config by default
    #[arg(
        id = "prometheus.url",
        long = "prometheus.url",
        value_name = "URL",
        requires = "queries",
        help_heading = "History"
    )]
    url: Option<String>,
    /// What to read instead of files: each series of the answer is a column, named by its metric and
    /// the labels that tell it from the others, or by NAME. May be given several times
    #[arg(
        id = "queries",
        long = "query",
        value_name = "[NAME=]PROMQL",
        requires_all = ["start", "end"],
        help_heading = "History"
    )]
    queries: Vec<Query>,
    /// The first instant: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse, requires = "queries", help_heading = "History")]
    start: Option<Timestamp>,
    /// The last instant, written as --start
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse, requires = "queries", help_heading = "History")]
    end: Option<Timestamp>,
    /// The time from one row to the next; 1m with --query by default
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration::parse,
        help_heading = "History"
    )]
    step: Option<Duration>,
}

/// A query and the name of its column.
#[derive(Clone, Debug, PartialEq)]
struct Query {
    name: Option<String>,
    promql: String,
}

impl std::str::FromStr for Query {
    type Err = std::convert::Infallible;

    /// `name=…` is no PromQL, so it can be told apart: a comparison is `==`, a matcher stands in braces.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split_once('=').filter(|(name, rest)| {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.chars().all(is_word) && !rest.starts_with(['=', '~'])
        });
        Ok(match named {
            Some((name, promql)) => {
                Self { name: Some(name.to_owned()), promql: promql.trim().to_owned() }
            }
            None => Self { name: None, promql: text.trim().to_owned() },
        })
    }
}

/// What each query found.
type Answers<'a> = Vec<(&'a Query, Past)>;

/// Rows that were fetched, one an instant.
pub struct FetchedRows {
    grid: Grid,
    columns: Vec<(String, Vec<Option<f64>>)>,
    next: usize,
}

impl History {
    /// What is asked, as the title of a picture.
    pub fn title(&self) -> String {
        let queries: Vec<&str> = self.queries.iter().map(|query| query.promql.as_str()).collect();
        queries.join(", ")
    }

    /// The time from one row to the next, where it was given.
    pub fn step(&self) -> Option<Duration> {
        self.step
    }

    /// Asks for everything; `configured` is the section `prometheus` of the settings, whose credentials
    /// and time-out count with `--prometheus.url` too.
    pub fn fetch(
        &self,
        configured: Option<Prometheus>,
    ) -> Result<FetchedRows, Box<dyn Error + Send + Sync>> {
        let (grid, answers) = self.ask(configured)?;
        let mut rows = FetchedRows { grid, columns: Vec::new(), next: 0 };
        for (query, past) in answers {
            rows.add(query, past)?;
        }
        Ok(rows)
    }

    /// Asks for everything, as [`History::fetch`], and keeps the labels; every query must have a name.
    pub fn labelled(
        &self,
        configured: Option<Prometheus>,
    ) -> Result<Labelled, Box<dyn Error + Send + Sync>> {
        let nameless = self.queries.iter().find(|query| query.name.is_none());
        if let Some(Query { promql, .. }) = nameless {
            return Err(format!("--query: expected a name, as in NAME={promql}").into());
        }
        let (grid, answers) = self.ask(configured)?;
        let series = answers.into_iter().flat_map(|(query, past)| {
            let name = query.name.clone().unwrap_or_default();
            past.series.into_iter().map(move |(labels, values)| (name.clone(), labels, values))
        });
        Ok(Labelled { grid, series: series.collect() })
    }

    /// The answer to each query, none of them empty.
    fn ask(
        &self,
        configured: Option<Prometheus>,
    ) -> Result<(Grid, Answers<'_>), Box<dyn Error + Send + Sync>> {
        let settings = self.settings(configured)?;
        let grid = self.grid()?;
        let client = Client::new(&settings)?;
        let mut answers = Vec::new();
        block_on(1, async {
            for query in &self.queries {
                let past = client.past(&query.promql, &grid, |_| true).await?;
                for warning in &past.warnings {
                    tracing::warn!("{}: {warning}: data may be missing", settings.url);
                }
                if past.series.is_empty() {
                    let (start, end) = (grid.at(0), grid.at(grid.len() as u64 - 1));
                    return Err(format!(
                        "--query: expected at least one series between {start} and {end}, found none; \
                         query: {}",
                        query.promql
                    )
                    .into());
                }
                answers.push((query, past));
            }
            Ok(())
        })?;
        Ok((grid, answers))
    }

    fn settings(&self, configured: Option<Prometheus>) -> Result<Prometheus, String> {
        let Some(url) = &self.url else {
            return configured.ok_or_else(|| {
                "--query: expected the address of a Prometheus: give --prometheus.url, or \
                 prometheus.url in the file of --config"
                    .to_owned()
            });
        };
        if let Some(problem) = config::url_problem(url) {
            return Err(format!("--prometheus.url: {problem}"));
        }
        let default = || Prometheus::at(url.as_str());
        Ok(Prometheus { url: url.clone(), ..configured.unwrap_or_else(default) })
    }

    fn grid(&self) -> Result<Grid, String> {
        // Clap asks for both where there is a query.
        let (start, end) = (self.start.unwrap_or_default(), self.end.unwrap_or_default());
        if end < start {
            return Err(format!("--end: expected a time after --start ({start}), found {end}"));
        }
        let step = self.step.unwrap_or(STEP);
        if step.is_zero() {
            return Err("--step: expected a duration above 0, found 0s".to_owned());
        }
        let grid = Grid::new(start, end, step);
        if grid.len() > MOST_ROWS {
            return Err(format!(
                "--step: expected at most {MOST_ROWS} steps from --start to --end, found {}: raise it",
                grid.len()
            ));
        }
        Ok(grid)
    }
}

/// Series that were fetched, with the names of their queries and their labels.
pub struct Labelled {
    /// The instants of the values.
    pub grid: Grid,
    /// The name of the query, the labels, one value an instant.
    pub series: Vec<(String, Labels, Vec<Option<f64>>)>,
}

impl FetchedRows {
    /// Appends a column a series of `past`.
    fn add(&mut self, query: &Query, past: Past) -> Result<(), String> {
        let Query { name, promql } = query;
        let names = column_names(name.as_deref(), promql, past.series.keys());
        for (column, values) in names.into_iter().zip(past.series.into_values()) {
            if self.columns.iter().any(|(name, _)| *name == column) {
                return Err(format!(
                    "--query: two series are called {column:?}: name the query, as in NAME={promql}"
                ));
            }
            self.columns.push((column, values));
        }
        Ok(())
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self) -> Option<Row> {
        let index = self.next;
        if index >= self.grid.len() {
            return None;
        }
        self.next += 1;
        let at = self.grid.at(index as u64);
        let values = self.columns.iter().map(|(_, values)| values[index]).collect();
        Some(Row { time_text: at.to_string(), at, values })
    }
}

/// One name a series: `name`, or the metric, or the query where the answer has lost the metric; and where
/// there are several series, the labels that are not the same in all of them.
fn column_names<'a>(
    name: Option<&str>,
    promql: &str,
    series: impl Iterator<Item = &'a Labels> + Clone,
) -> Vec<String> {
    let mut seen: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for labels in series.clone() {
        for (key, value) in labels {
            let first = seen.entry(key).or_insert(Some(value));
            *first = first.filter(|first| first == value);
        }
    }
    // A label that some series lack tells them apart as well.
    let is_common = |key: &str| {
        seen.get(key).is_some_and(Option::is_some) && series.clone().all(|l| l.contains_key(key))
    };
    let name_of = |labels: &Labels| {
        let metric = labels.get("__name__").map(String::as_str);
        let base = name.or(metric).unwrap_or(promql);
        let own: Vec<String> = labels
            .iter()
            .filter(|(key, _)| *key != "__name__" && !is_common(key))
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        if own.is_empty() { base.to_owned() } else { format!("{base}{{{}}}", own.join(",")) }
    };
    series.clone().map(name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> (Option<String>, String) {
        let Ok(Query { name, promql }) = text.parse();
        (name, promql)
    }

    #[test]
    fn a_name_is_told_from_promql() {
        for (text, name, promql) in [
            ("load=sum(rate(x[5m]))", Some("load"), "sum(rate(x[5m]))"),
            ("load= x{a=\"b\"}", Some("load"), "x{a=\"b\"}"),
            ("x{a=\"b\"}", None, "x{a=\"b\"}"),
            ("x==1", None, "x==1"),
            ("x == 1", None, "x == 1"),
            ("sum(x) by (a) = y", None, "sum(x) by (a) = y"),
            ("", None, ""),
        ] {
            assert_eq!(query(text), (name.map(str::to_owned), promql.to_owned()), "{text}");
        }
    }

    #[test]
    fn columns_are_named_by_what_tells_them_apart() {
        let labels = |text: &str| -> Labels {
            let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let names = |name: Option<&str>, series: &[&str]| {
            let series: Vec<Labels> = series.iter().map(|text| labels(text)).collect();
            column_names(name, "sum(x)", series.iter())
        };
        assert_eq!(names(None, &[""]), ["sum(x)"]);
        assert_eq!(names(None, &["__name__=up,job=a"]), ["up"]);
        assert_eq!(names(Some("load"), &["__name__=up,job=a"]), ["load"]);
        assert_eq!(
            names(None, &["__name__=up,job=a,name=web", "__name__=up,job=a,name=db"]),
            [r#"up{name="web"}"#, r#"up{name="db"}"#]
        );
        assert_eq!(names(Some("load"), &["job=a", "job=a,b=1"]), ["load", r#"load{b="1"}"#]);
    }
}
