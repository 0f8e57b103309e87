//! One line a sample: what was asked, what was expected, what served, what was decided.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::time::Duration;

use super::outlook::Foresight;
use super::score::Step;
use crate::guard::Decision;
use crate::units::Timestamp;

/// Where the rows of a run go.
pub type Sink = csv::Writer<Box<dyn Write + Send>>;

/// The columns, in order.
pub(super) const COLUMNS: [&str; 19] = [
    "timestamp",
    "demand",
    "pred",
    "containers",
    "lat_ms",
    "cpu_pct",
    "over",
    "under",
    "policy",
    "forecaster",
    "ready",
    "wanted",
    "forecast_low",
    "forecast_high",
    "response_ms",
    "waiting",
    "action",
    "clips",
    "reason",
];

/// One sample of a run.
pub(super) struct Row<'a> {
    pub(super) at: Timestamp,
    pub(super) load: Option<f64>,
    pub(super) foresight: &'a Foresight,
    /// The quantiles that are written are those after this time.
    pub(super) lead: Duration,
    pub(super) served: u32,
    pub(super) step: Option<&'a Step>,
    pub(super) policy: &'a str,
    pub(super) forecaster: &'a str,
    pub(super) ready: u32,
    pub(super) before: u32,
    pub(super) wanted: u32,
    pub(super) waiting: f64,
    pub(super) decision: Option<&'a Decision>,
}

impl Row<'_> {
    pub(super) fn write(&self, sink: &mut Sink) -> io::Result<()> {
        let of_step = |value: fn(&Step) -> f64| number(self.step.map(value));
        let flag = |flag: fn(&Step) -> bool| {
            self.step.map(|step| u8::from(flag(step)).to_string()).unwrap_or_default()
        };
        let [low, high] = self.quantiles();
        let clips = self.decision.map(|decision| &decision.clips[..]).unwrap_or_default();
        let clips: Vec<&str> = clips.iter().map(|clip| clip.reason.name()).collect();
        let reason = self.decision.and_then(|decision| decision.reasons.first());
        let action = match self.wanted.cmp(&self.before) {
            Ordering::Greater => "up",
            Ordering::Less => "down",
            Ordering::Equal => "",
        };
        sink.write_record([
            seconds(self.at).as_str(),
            &number(self.load),
            // What nobody has forecast is expected to be as it is.
            &number(self.foresight.expected.or(self.load)),
            &self.served.to_string(),
            &of_step(|step| step.latency_ms),
            &of_step(|step| step.cpu_percent),
            &flag(Step::is_over),
            &flag(Step::is_under),
            self.policy,
            self.forecaster,
            &self.ready.to_string(),
            &self.wanted.to_string(),
            &number(low),
            &number(high),
            &of_step(|step| step.response_ms),
            &number(Some(self.waiting)),
            action,
            &clips.join(";"),
            reason.map_or("", String::as_str),
        ])?;
        Ok(())
    }

    /// The lowest and the highest quantile of what is expected once new replicas serve.
    fn quantiles(&self) -> [Option<f64>; 2] {
        let Some(forecast) = &self.foresight.forecast else { return [None, None] };
        let in_time = forecast.horizons.iter().find(|horizon| horizon.after >= self.lead);
        let values = in_time.or(forecast.horizons.last()).map(|horizon| &horizon.values[..]);
        let values = values.unwrap_or_default();
        [values.first().copied(), values.last().copied()]
    }
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A time in RFC 3339, without the milliseconds that most do not have.
pub(super) fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    match text.strip_suffix(".000Z") {
        Some(whole) => format!("{whole}Z"),
        None => text,
    }
}
