//! What a person gets of it: a line a run, the limits over time, and a page that explains both.

use std::fmt::Write;

use super::{Run, Setting};
use crate::chart::{Axis, Chart, ChartError, Color, Layer, Panel, Shape};
use crate::policy::size::describe;
use crate::simulate::html::{self, image};
use crate::target::Resource;

/// The columns of `metrics_summary.csv`, in order. Limits are in cores or bytes; `oom_events` are stays
/// above the limit, of the CPU as well.
pub const COLUMNS: [&str; 11] = [
    "policy",
    "forecaster",
    "mean_limit",
    "slack_percent",
    "above_limit_percent",
    "oom_events",
    "oom_per_day",
    "changes",
    "changes_per_day",
    "clairvoyant_limit",
    "clairvoyant_slack_percent",
];

/// The columns of a run's own file.
pub const ROW_COLUMNS: [&str; 4] = ["timestamp", "usage", "limit", "above"];

/// In pixels.
const WIDTH: u32 = 1800;
/// In pixels: for the title and the time axis.
const BASE_HEIGHT: u32 = 220;
/// In pixels.
const PANEL_HEIGHT: u32 = 200;

/// The line of a run: every figure in full.
pub fn record(run: &Run, forecaster: &str) -> [String; 11] {
    let of = &run.figures;
    [
        run.policy.clone(),
        forecaster.to_owned(),
        of.mean_limit.to_string(),
        of.slack_percent.to_string(),
        of.above_limit_percent.to_string(),
        of.above_events.to_string(),
        of.above_events_per_day.to_string(),
        of.changes.to_string(),
        of.changes_per_day.to_string(),
        of.clairvoyant_limit.to_string(),
        of.clairvoyant_slack_percent.to_string(),
    ]
}

/// The rows of a run's own file: of each sample that is scored.
pub fn rows<'a>(setting: &'a Setting, run: &'a Run) -> impl Iterator<Item = [String; 4]> + 'a {
    let all = setting.usage.values.iter().zip(&run.limits).enumerate();
    all.skip(setting.score_from).map(|(index, (usage, limit))| {
        let known = !usage.is_nan();
        let of = |value: String| if known { value } else { String::new() };
        [
            setting.usage.at(index).to_string(),
            of(usage.to_string()),
            limit.to_string(),
            of(u8::from(usage > limit).to_string()),
        ]
    })
}

/// The use and the limit of every run over time.
///
/// # Errors
/// It cannot be drawn.
pub fn picture(setting: &Setting, runs: &[Run]) -> Result<Vec<u8>, ChartError> {
    let points = |values: &[f64]| {
        let scored = values.iter().enumerate().skip(setting.score_from);
        let point = |(index, value): (usize, &f64)| {
            (setting.usage.at(index).seconds(), Some(*value).filter(|value| !value.is_nan()))
        };
        scored.map(point).collect()
    };
    let layer = |name: &str, color, values: &[f64]| Layer {
        name: name.to_owned(),
        color,
        shape: Shape::Line(points(values)),
    };
    let panels: Vec<Panel> = runs
        .iter()
        .zip(Color::SERIES.into_iter().cycle())
        .map(|(run, color)| Panel {
            title: run.policy.clone(),
            range: Some((0.0, 0.0)),
            weight: 1.0,
            layers: vec![
                layer("usage", Color::STRONG, &setting.usage.values),
                layer("limit", color, &run.limits),
            ],
        })
        .collect();
    let height = BASE_HEIGHT + PANEL_HEIGHT * panels.len() as u32;
    let (title, subtitle) = ("Use and limit".to_owned(), String::new());
    Chart { title, subtitle, x: Axis::Time, panels }.png(WIDTH, height)
}

/// The page, which needs nothing else.
pub fn page(title: &str, setting: &Setting, runs: &[Run], png: &[u8]) -> String {
    let mut html = protocol(setting);
    html += "<table><tr><th>policy</th><th>mean limit</th><th>slack %</th><th>above the limit %</th>\
             <th>events a day</th><th>changes a day</th></tr>\n";
    for run in runs {
        let of = &run.figures;
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{:.1}</td><td>{:.3}</td><td>{:.3}</td><td>{:.1}</td></tr>",
            run.policy,
            describe(setting.dimension(), of.mean_limit),
            of.slack_percent,
            of.above_limit_percent,
            of.above_events_per_day,
            of.changes_per_day
        );
    }
    html += "</table>\n<p>Slack is the share of the limit that was not used, over all samples together. \
             An event is a stay above the limit, however long. The clairvoyant limit is the least \
             constant one that nothing is above, known in hindsight.</p>\n";
    html::page(title, &(html + &image("limits", png)))
}

fn protocol(setting: &Setting) -> String {
    let usage = &setting.usage;
    let scored = usage.values.len() - setting.score_from;
    let known = usage.values.iter().skip(setting.score_from).filter(|value| !value.is_nan());
    let missing = scored - known.count();
    let above = match setting.resource {
        Resource::Cpu => "Where the use is above the limit, the CPU is throttled",
        Resource::Memory => "Where the use is above the limit, the container is killed",
    };
    format!(
        "<p>{scored} samples, one every {}, from {} on; {missing} of them are missing: nothing moves on \
         them, and they are not scored. What came before was played, too. The limit at the start is {}. \
         {above}: the sample counts, and the policy is shown the whole use and what happened, as the \
         record does not say what less would have done. A decision at a sample holds from the next one \
         on. Every decision was made by the functions that the scaler calls, behind the guard that it has \
         for the policy: a policy that paces itself meets no cooldown, stabilization, tolerance or step, \
         and every policy leaves memory a fifth above what was used within the hour.</p>\n",
        crate::units::duration::format(usage.step),
        usage.at(setting.score_from),
        describe(setting.dimension(), setting.initial),
    )
}
