//! `loadline exporter` with few rights: as an ordinary user with and without capabilities, and in a
//! read-only container without any.

mod container;
mod user;

use std::collections::BTreeMap;

/// A sample's labels.
type Labels = BTreeMap<String, String>;

/// The samples of an exposition that have this label: family and labels.
fn samples(exposition: &str, name: &str, value: &str) -> Vec<(String, Labels)> {
    let all = exposition.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, _) = line.rsplit_once(' ')?;
        let (family, labels) = series.split_once('{')?;
        Some((family.to_owned(), labels_of(labels.strip_suffix('}')?)))
    });
    all.filter(|(_, labels)| labels.get(name).is_some_and(|found| found == value)).collect()
}

/// `a="1",b="2"`, of values without quotes: those of these tests have none.
fn labels_of(text: &str) -> Labels {
    let pairs = text.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

/// A file of the project.
fn project_file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
