//! The answers of Prometheus as it writes them.

use std::fmt::Write;

use loadline::promql::Answer;
use loadline::target::{Labels, Signal};

use super::fleet::{self, Fleet, SIGNALS};

/// The bodies of all answers of one tick.
pub struct Bodies {
    discovered: Vec<u8>,
    /// One a signal, at [`Signal::index`]; without series for a signal that no container has.
    signals: [Vec<u8>; Signal::COUNT],
}

impl Bodies {
    pub fn of(fleet: &Fleet, row: usize) -> Self {
        let seconds = fleet::at(row).seconds();
        let labels: Vec<Labels> = (0..fleet.targets).map(fleet::labels).collect();
        let grouped = |labels: &Labels| {
            let kept =
                ["id", "instance", "name"].map(|name| (name.to_owned(), labels[name].clone()));
            Labels::from(kept)
        };
        let grouped: Vec<Labels> = labels.iter().map(grouped).collect();
        let signals = Signal::ALL.map(|signal| {
            let place = SIGNALS.iter().position(|s| *s == signal);
            let series = grouped
                .iter()
                .enumerate()
                .filter_map(|(i, labels)| Some((labels, fleet::values(i, row)[place?])));
            body(series, seconds)
        });
        // Scraped a few seconds ago.
        Self { discovered: body(labels.iter().map(|l| (l, seconds - 7.382)), seconds), signals }
    }

    pub fn parse(&self) -> (Answer, [Answer; Signal::COUNT]) {
        let parse = |body: &Vec<u8>| Answer::parse(body).expect("an answer");
        (parse(&self.discovered), self.signals.each_ref().map(parse))
    }
}

fn body<'a>(series: impl Iterator<Item = (&'a Labels, f64)>, seconds: f64) -> Vec<u8> {
    let mut text = r#"{"status":"success","data":{"resultType":"vector","result":["#.to_owned();
    for (place, (labels, value)) in series.enumerate() {
        let labels = serde_json::to_string(labels).expect("text");
        let comma = if place == 0 { "" } else { "," };
        write!(text, r#"{comma}{{"metric":{labels},"value":[{seconds},"{value}"]}}"#)
            .expect("text");
    }
    text.push_str("]}}");
    text.into_bytes()
}
