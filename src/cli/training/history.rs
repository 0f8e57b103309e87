//! The history of a Prometheus → rows: each query is named as the column that it stands for.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Failure, Read};
use crate::cli::history::Labelled;
use crate::features::cloud::{self, Sample};
use crate::features::kubernetes::{METRICS, Record};

/// One record a service and instant. A series without the label `service_label` belongs to every service.
pub fn records(answer: &Labelled, service_label: &str) -> Result<Read<Record>, Failure> {
    let service_of = |labels: &crate::target::Labels| labels.get(service_label).cloned();
    let named = answer.series.iter().filter_map(|(_, labels, _)| service_of(labels));
    let services: BTreeSet<Arc<str>> = named.map(Arc::from).collect();
    if services.is_empty() {
        return Err(format!(
            "--query: expected series with the label {service_label:?}, which names the service, found \
             none: aggregate by it, or name another with --service-label"
        )
        .into());
    }
    let mut rows = Vec::new();
    for service in services {
        let mut records: Vec<Record> = (0..answer.grid.len())
            .map(|place| Record::empty(answer.grid.at(place as u64), Arc::clone(&service)))
            .collect();
        let mut filled = BTreeSet::new();
        let of_service = answer
            .series
            .iter()
            .filter(|(_, labels, _)| service_of(labels).is_none_or(|name| *name == *service));
        for (name, _, values) in of_service {
            if !filled.insert(name.as_str()) {
                return Err(format!(
                    "--query: {name}: two series are of the service {service:?}: aggregate by \
                     {service_label:?}"
                )
                .into());
            }
            let set = setter(name)?;
            records.iter_mut().zip(values).for_each(|(record, value)| set(record, *value));
        }
        rows.extend(
            records.into_iter().filter(|record| record.metrics.iter().any(Option::is_some)),
        );
    }
    Ok(Read { rows, files: 0, skipped: Vec::new() })
}

type Setter = Box<dyn Fn(&mut Record, Option<f64>)>;

/// Sets what the column `name` holds.
fn setter(name: &str) -> Result<Setter, Failure> {
    if let Some(place) = METRICS.iter().position(|metric| *metric == name) {
        return Ok(Box::new(move |record, value| record.metrics[place] = value));
    }
    match name {
        "replica_count" => Ok(Box::new(|record, value| record.replicas = value)),
        _ => Err(format!(
            "--query: expected the name of a column before the =, found {name:?}; the columns are {}, \
             replica_count",
            METRICS.join(", ")
        )
        .into()),
    }
}

/// One sample an instant.
pub fn samples(answer: &Labelled) -> Result<Read<Sample>, Failure> {
    let column = |wanted: &str| {
        let mut found = answer.series.iter().filter(|(name, _, _)| name == wanted);
        match (found.next(), found.next()) {
            (Some((_, _, values)), None) => Ok(values),
            (None, _) => Err(format!(
                "--query: expected one query for each of {}, found none for {wanted}",
                cloud::COLUMNS[1..].join(", ")
            )),
            (Some(_), Some(_)) => Err(format!(
                "--query: {wanted}: expected one series, found several: aggregate them"
            )),
        }
    };
    let (cpu, ram, disk) = (column("cpu")?, column("ram")?, column("disk")?);
    let rows = (0..answer.grid.len()).map(|place| Sample {
        at: answer.grid.at(place as u64),
        cpu: cpu[place],
        ram: ram[place],
        disk: disk[place],
    });
    Ok(Read { rows: rows.collect(), files: 0, skipped: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Grid;
    use crate::units::Timestamp;

    fn answer(series: &[(&str, &str, [Option<f64>; 2])]) -> Labelled {
        let at = Timestamp::from_millis;
        let series = series.iter().map(|(name, service, values)| {
            let labels = (!service.is_empty())
                .then(|| ("service".to_owned(), (*service).to_owned()))
                .into_iter()
                .collect();
            ((*name).to_owned(), labels, values.to_vec())
        });
        let grid = Grid::new(at(0), at(30_000), std::time::Duration::from_secs(30));
        Labelled { grid, series: series.collect() }
    }

    #[test]
    fn series_become_records_of_their_service() {
        let read = records(
            &answer(&[
                ("cpu_usage_percent", "a", [Some(1.0), Some(2.0)]),
                ("cpu_usage_percent", "b", [None, Some(3.0)]),
                ("replica_count", "a", [Some(4.0), None]),
                ("error_rate", "", [Some(0.5), None]),
            ]),
            "service",
        )
        .expect("records");
        let row = |r: &Record| {
            (r.service.to_string(), r.at.millis(), r.metrics[0], r.metrics[14], r.replicas)
        };
        let rows: Vec<_> = read.rows.iter().map(row).collect();
        let a = |at, cpu, errors, replicas| ("a".to_owned(), at, cpu, errors, replicas);
        assert_eq!(
            rows,
            [
                a(0, Some(1.0), Some(0.5), Some(4.0)),
                a(30_000, Some(2.0), None, None),
                ("b".to_owned(), 0, None, Some(0.5), None),
                ("b".to_owned(), 30_000, Some(3.0), None, None),
            ]
        );
    }

    #[test]
    fn what_is_ambiguous_or_unknown_is_refused() {
        let error = |series: &[(&str, &str, [Option<f64>; 2])]| {
            records(&answer(series), "service").err().expect("an error").to_string()
        };
        let none = [None, None];
        assert!(error(&[("error_rate", "", none)]).contains("--service-label"));
        assert!(error(&[("cpu", "a", none)]).contains("found \"cpu\"; the columns are"));
        let twice = [("error_rate", "a", none), ("error_rate", "a", none)];
        assert!(error(&twice).contains("error_rate: two series are of the service \"a\""));
        let lacking = samples(&answer(&[("cpu", "", none)])).err().expect("an error");
        assert!(lacking.to_string().ends_with("found none for ram"), "{lacking}");
    }
}
