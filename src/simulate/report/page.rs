//! One page that needs nothing else: the scores, what they mean, the pictures, and where the default
//! policy did worse than the HPA.

use std::fmt::Write;

use super::pictures::Picture;
use super::{best_of, front};
use crate::simulate::html::{self, escaped, image};
use crate::simulate::rows::seconds;
use crate::simulate::{Run, Setting, WINDOW, Window, losses};
use crate::units::duration;

/// More windows than this are counted, not listed.
const MOST_LOSSES: usize = 20;

/// A column of the page's table, its name and its meaning.
type Column = (&'static str, fn(&Run) -> String, &'static str);

const COLUMNS: [Column; 16] = [
    (
        "replica-hours",
        |run| format!("{:.1}", run.figures.replica_hours),
        "Replicas that served, times hours. What is paid for, whether it was needed or not.",
    ),
    (
        "under time %",
        |run| format!("{:.2}", run.figures.under_time_percent),
        "Samples in which the load was more than the replicas that serve can carry.",
    ),
    (
        "under volume %",
        |run| format!("{:.2}", run.figures.under_volume_percent),
        "The load that found no capacity, of all load.",
    ),
    (
        "over %",
        |run| format!("{:.1}", run.figures.over_percent),
        "The capacity that found no load, as a share of all load.",
    ),
    (
        "actions",
        |run| run.figures.actions.to_string(),
        "How often another number of replicas was asked for.",
    ),
    (
        "θ_U %",
        |run| format!("{:.2}", run.figures.theta_under),
        "Replicas that were missing, as a share of those that were needed; the mean over time.",
    ),
    (
        "θ_O %",
        |run| format!("{:.1}", run.figures.theta_over),
        "Replicas that were too many, as a share of those that were needed; the mean over time.",
    ),
    ("τ_U %", |run| format!("{:.2}", run.figures.tau_under), "Time with fewer than were needed."),
    ("τ_O %", |run| format!("{:.1}", run.figures.tau_over), "Time with more than were needed."),
    (
        "υ %",
        |run| format!("{:.1}", run.figures.instability),
        "Time in which replicas and need did not move in the same direction.",
    ),
    (
        "σ",
        |run| format!("{:.1}", run.figures.deviation()),
        "The distance of θ_U, θ_O, τ_U, τ_O, υ and the missed objectives from zero, in the norm of \
         order six: one figure for all, in which the worst counts most.",
    ),
    (
        "SLO missed %",
        |run| format!("{:.2}", run.figures.slo_violations_percent),
        "Samples whose mean response time is above the objective.",
    ),
    (
        "response p95, ms",
        |run| format!("{:.0}", run.figures.response_ms.p95),
        "Response time by the queue described below: 95 of 100 samples are below.",
    ),
    (
        "slack %",
        |run| format!("{:.1}", run.figures.slack_percent),
        "Capacity that found no load, as a share of all capacity; the mean over time.",
    ),
    ("most", |run| run.figures.max_replicas.to_string(), "The most replicas that served."),
    ("cost", |run| format!("{:.2}", run.figures.cost), "Replica-hours times the price of one."),
];

/// The page.
pub fn page(title: &str, setting: &Setting, runs: &[Run], pictures: &[Picture]) -> String {
    let mut html = protocol(setting);
    html += "<h2>Scores</h2>\n";
    let shown: Vec<&Run> = runs.iter().filter(|run| !run.is_of_front()).collect();
    html += &table(&shown);
    html += "<p>The oracle knows the load to come: what it costs is the least that start-up delay and \
             cooldown allow without a shortage.</p>\n";
    html += &meanings();
    for Picture { name, caption, png } in pictures {
        let image = image(name, png);
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<figure>{image}<figcaption>{caption}</figcaption></figure>");
    }
    let targets = front(runs);
    if !targets.is_empty() {
        html += "<h2>The HPA at other targets</h2>\n<p>What the HPA could have had for other targets, \
                 in hindsight: a policy is worth it where it is left of this front or below it.</p>\n";
        html += &table(&targets);
    }
    html += &lost(setting, runs);
    html += &model(setting);
    html::page(title, &html)
}

fn protocol(setting: &Setting) -> String {
    let load = &setting.load;
    let last = load.values.len().saturating_sub(1);
    let known = match setting.test_from {
        0 => "Nothing was known before.".to_owned(),
        _ => format!(
            "What came before, from {} on, was known to models and policies and is not scored.",
            seconds(load.start)
        ),
    };
    let missing = setting.test().iter().filter(|load| load.is_nan()).count();
    let missing = match missing {
        0 => String::new(),
        count => format!(" {count} samples are missing: they are held through and not scored."),
    };
    format!(
        "<p>The load from {} to {}, a sample every {}. {known}{missing} A replica carries {}, serves \
         {} after it was asked for, and goes at once; {} replicas at the start; a decision every {}. \
         Every decision was made by the functions that the scaler calls, from what was known by \
         then.</p>\n",
        seconds(load.at(setting.test_from)),
        seconds(load.at(last)),
        duration::format(load.step),
        setting.capacity,
        duration::format(setting.startup_delay),
        setting.initial,
        duration::format(load.step.saturating_mul(setting.every as u32)),
    )
}

fn table(runs: &[&Run]) -> String {
    let mut html =
        "<div class=\"scroll\"><table><tr><th>policy</th><th class=\"text\">forecaster</th>"
            .to_owned();
    for (name, _, _) in COLUMNS {
        let _ = write!(html, "<th>{name}</th>");
    }
    html += "</tr>\n";
    for run in runs {
        let (policy, forecaster) = (escaped(&run.policy), escaped(&run.forecaster));
        let _ = write!(html, "<tr><td>{policy}</td><td class=\"text\">{forecaster}</td>");
        for (_, show, _) in COLUMNS {
            let _ = write!(html, "<td>{}</td>", show(run));
        }
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

fn meanings() -> String {
    let meaning = |(name, _, meaning): Column| format!("<dt>{name}</dt><dd>{meaning}</dd>\n");
    let all: String = COLUMNS.into_iter().map(meaning).collect();
    format!("<h2>What the scores mean</h2>\n<dl>\n{all}</dl>\n")
}

/// Where the default policy did worse than the HPA: what a user should know before switching.
fn lost(setting: &Setting, runs: &[Run]) -> String {
    let (Some(own), Some(hpa)) = (best_of(runs, "default"), best_of(runs, "hpa")) else {
        return String::new();
    };
    let losses = losses(&own.windows, &hpa.windows);
    let mut html = format!(
        "<h2>Where the default did worse than the HPA</h2>\n<p>{} of {} windows of {}: more samples \
         with a shortage, or as many at a higher cost.</p>\n",
        losses.len(),
        own.windows.all.len(),
        duration::format(WINDOW)
    );
    if losses.is_empty() {
        return html;
    }
    html += "<table><tr><th>from</th><th>default: replica-hours</th><th>short samples</th>\
             <th>HPA: replica-hours</th><th>short samples</th></tr>\n";
    let hours =
        |window: &Window| window.replica_steps as f64 * setting.load.step.as_secs_f64() / 3600.0;
    for loss in losses.iter().take(MOST_LOSSES) {
        let start = setting.load.at(setting.test_from + loss.window * own.windows.length);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{:.1}</td><td>{}</td><td>{:.1}</td><td>{}</td></tr>",
            seconds(start),
            hours(&loss.own),
            loss.own.under_steps,
            hours(&loss.other),
            loss.other.under_steps
        );
    }
    html + "</table>\n"
}

fn model(setting: &Setting) -> String {
    format!(
        "<h2>How latency comes about</h2>\n<p>Two models, both simple. <b>lat_ms</b> and \
         <b>cpu_pct</b> in the files are the formulas of predictive autoscaling's demos: with the load \
         of one replica at most its capacity, 40 ms and 70 % of the CPU at the capacity; above it \
         40 + 2 · (load − capacity)^1.5 ms and min(100, 70 + (load / capacity − 1) · 100) %. They \
         depend on the unit of the load.</p>\n<p><b>response_ms</b> is a queue: each replica serves one \
         request at a time for {service}, load that finds no capacity waits and is done in the next \
         samples, first come first served; the queue holds what the replicas do in a minute, and what \
         comes on top is refused. To that comes the wait of a busy system by Sakasegawa's \
         approximation, service · use^(√(2(c + 1)) − 1) / (c · (1 − use)) with c replicas, at a use of \
         at most 99 %. The objective is {objective}.</p>\n",
        service = duration::format(setting.service_time),
        objective = duration::format(setting.objective),
    )
}
