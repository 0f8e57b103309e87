//! The page a person looks at: every target with its sizes, score and last decision. Plain HTML,
//! nothing loaded from elsewhere, readable in a terminal browser.

use std::fmt::Write;

use crate::guard::Decision;
use crate::policy::Action;
use crate::scaler::engine::{Engine, TargetState};
use crate::target::{Dimension, Mode, Signal};
use crate::units::Limit;

/// What the page says beside its targets.
pub struct Frame<'a> {
    /// What this process is, as in `loadline up`.
    pub title: &'a str,
    /// Lines above the table: what is missing, what is wrong.
    pub notices: &'a [String],
    /// How often the page asks again, in seconds.
    pub refresh_seconds: u64,
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:90rem}\
h1{font-size:1.3rem;margin:0 0 .3rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid #8884;vertical-align:top}\
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}\
.up{color:#b3261e;font-weight:600}.down{color:#1b6e3c;font-weight:600}\
.odd{color:#b3261e;font-weight:600}.quiet,small{opacity:.7}\
meter{width:6rem}\
.notice{border-left:3px solid #c80;padding:.2rem .6rem;margin:.4rem 0}";

/// The whole page.
pub fn render(engine: &Engine, frame: &Frame<'_>) -> String {
    let mut html = String::with_capacity(16 << 10);
    let _ = write!(
        html,
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\">\
         <meta http-equiv=refresh content={}><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1><p><a href=metrics>metrics</a> · \
         <a href=api/v1/targets>targets as JSON</a> · <a href=-/healthy>health</a></p>",
        frame.refresh_seconds,
        title = escape(frame.title),
    );
    for notice in frame.notices {
        let _ = write!(html, "<p class=notice>{}</p>", escape(notice));
    }
    let mut rows: Vec<_> = engine.targets().collect();
    rows.sort_by(|a, b| score(b.2).total_cmp(&score(a.2)).then(a.2.target.id.cmp(&b.2.target.id)));
    if rows.is_empty() {
        html.push_str("<p>No target found yet.</p>");
        return html;
    }
    html.push_str(
        "<table><tr><th>Target<th>Mode<th>CPU, cores<th>Memory<th>Unusual<th>What would be done</tr>",
    );
    for (_, mode, state) in rows {
        row(&mut html, mode, state);
    }
    html.push_str("</table>");
    html
}

fn score(state: &TargetState) -> f64 {
    state.assessment.as_ref().map_or(-1.0, |a| a.score)
}

fn row(html: &mut String, mode: Mode, state: &TargetState) {
    let name = state.target.labels.get("name").filter(|n| !n.is_empty());
    let _ = write!(
        html,
        "<tr><td title=\"{id}\">{shown}<td>{mode}",
        id = escape(state.target.id.as_str()),
        shown = escape(name.map_or(state.target.id.as_str(), String::as_str)),
        mode = mode.name(),
    );
    for dimension in Dimension::LIMITS {
        html.push_str("<td class=n>");
        sizes(html, dimension, state);
    }
    html.push_str("<td class=n>");
    match &state.assessment {
        None => html.push_str("<span class=quiet>learning</span>"),
        Some(a) => {
            let class = if a.anomalous { "odd" } else { "quiet" };
            let _ = write!(
                html,
                "<meter min=0 max=1 high={:.3} value={:.3}></meter> <span class={class}>{:.2}</span>",
                a.threshold, a.score, a.score
            );
            if a.anomalous {
                let names: Vec<_> = a.contributors.iter().map(|c| escape(&c.feature)).collect();
                let _ = write!(html, "<br><small>{}</small>", names.join(", "));
            }
        }
    }
    html.push_str("<td>");
    for decision in state.dimensions.values().filter_map(|d| d.decision.as_ref()) {
        say(html, decision);
    }
    html.push_str("</tr>");
}

fn sizes(html: &mut String, dimension: Dimension, state: &TargetState) {
    let usage = match dimension {
        Dimension::Cpu => Signal::CpuUsageCores,
        Dimension::Memory => Signal::MemoryWorkingSetBytes,
        Dimension::Replicas => Signal::Load,
    };
    let used = state.window.latest().and_then(|o| o.value(usage));
    let decision = state.dimensions.get(&dimension).and_then(|d| d.decision.as_ref());
    let limit = match decision.and_then(|d| d.current) {
        None => "?".to_owned(),
        Some(Limit::Max) => "no limit".to_owned(),
        Some(Limit::At(size)) => amount(dimension, size),
    };
    let used = used.map_or("?".to_owned(), |u| amount(dimension, u));
    let _ = write!(html, "{used} of {limit}");
}

fn say(html: &mut String, decision: &Decision) {
    let (class, verb) = match decision.action {
        Action::ScaleUp => ("up", "raise"),
        Action::ScaleDown => ("down", "lower"),
        Action::NoScaling => ("quiet", "leave"),
    };
    let _ = write!(html, "<span class={class}>{verb} {}", decision.dimension);
    if let (Some(size), false) = (decision.desired, decision.action == Action::NoScaling) {
        let _ = write!(html, " to {}", amount(decision.dimension, size));
    }
    html.push_str("</span>");
    let clips: Vec<_> = decision.clips.iter().map(|c| escape(&c.detail)).collect();
    let reasons: Vec<_> = decision.reasons.iter().map(|r| escape(r)).chain(clips).collect();
    let _ = write!(html, " <small>{}</small><br>", reasons.join("; "));
}

/// A size for a person: `0.50`, `128.0 MiB`.
fn amount(dimension: Dimension, size: f64) -> String {
    match dimension {
        Dimension::Cpu => format!("{size:.2}"),
        Dimension::Memory if size >= 1_073_741_824.0 => {
            format!("{:.2} GiB", size / 1_073_741_824.0)
        }
        Dimension::Memory => format!("{:.1} MiB", size / 1_048_576.0),
        Dimension::Replicas => format!("{size:.0}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
