//! A recording, lived through again: the same engine, told the same, must decide the same.

use std::io::BufRead;

use super::engine::Engine;
use super::event::Event;
use super::recording::Line;
use crate::config::{self, Detection, Forecast, Problem};
use crate::detect::DetectError;
use crate::guard::Decision;

/// The longest window that settings allow.
const MOST_ROWS: usize = 100_000;

/// Why a recording cannot be replayed. Every message names the line.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("line {line}: cannot read: {source}")]
    Read {
        /// The line, from 1.
        line: u64,
        /// The file system's word.
        source: std::io::Error,
    },
    /// A line is no line of a recording.
    #[error("line {line}: expected a line of a recording, found something else: {source}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// The engine refuses what it was told.
    #[error("line {line}: {source}")]
    Refused {
        /// The line, from 1.
        line: u64,
        /// The engine's word.
        source: DetectError,
    },
    /// What the engine was told is out of the range in which the scaler tells it.
    #[error("line {line}: {problem}")]
    Settings {
        /// The line, from 1.
        line: u64,
        /// The first thing that is wrong.
        problem: Problem,
    },
    /// The recording does not begin with a start.
    #[error("line {line}: expected the start of a process, found something else")]
    NoStart {
        /// The line, from 1.
        line: u64,
    },
}

/// What came of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Ticks lived through.
    pub ticks: u64,
    /// Decisions taken in them.
    pub decisions: u64,
    /// Ticks whose decisions were recorded and are the same, byte for byte.
    pub equal: u64,
    /// The first tick whose decisions differ from the recorded ones.
    pub difference: Option<Difference>,
    /// A last line was cut off, as by a crash; it was left out.
    pub torn: bool,
}

/// Decisions that are not the recorded ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the recorded decisions, from 1.
    pub line: u64,
    /// The line as it was recorded.
    pub recorded: String,
    /// The line as it comes out now.
    pub replayed: String,
}

/// Tells a new engine everything in `recording`, compares what it decides with what was recorded, and
/// hands each decision to `each`.
///
/// # Errors
/// The first line that cannot be read or told.
pub fn replay(
    mut recording: impl BufRead,
    mut each: impl FnMut(&Decision),
) -> Result<Replayed, ReplayError> {
    let mut engine = None;
    let mut result = Replayed::default();
    let mut pending: Option<String> = None;
    let (mut text, mut line) = (String::new(), 0);
    loop {
        text.clear();
        line += 1;
        let read = recording.read_line(&mut text);
        if read.map_err(|source| ReplayError::Read { line, source })? == 0 {
            return Ok(result);
        }
        let Some(recorded) = text.strip_suffix('\n') else {
            result.torn = true;
            return Ok(result);
        };
        let parsed: Line =
            serde_json::from_str(recorded).map_err(|source| ReplayError::Line { line, source })?;
        match parsed {
            Line::Event(event) => {
                let is_tick = matches!(*event, Event::Tick { .. });
                let decisions = tell(&mut engine, *event, line)?;
                if is_tick {
                    result.ticks += 1;
                    result.decisions += decisions.len() as u64;
                    decisions.iter().for_each(&mut each);
                    pending = serde_json::to_string(&Line::Decided(decisions)).ok();
                }
            }
            Line::Decided(_) => {
                let replayed = pending.take().unwrap_or_default();
                if replayed == recorded {
                    result.equal += 1;
                } else if result.difference.is_none() {
                    let recorded = recorded.to_owned();
                    result.difference = Some(Difference { line, recorded, replayed });
                }
            }
        }
    }
}

fn tell(
    engine: &mut Option<Engine>,
    event: Event,
    line: u64,
) -> Result<Vec<Decision>, ReplayError> {
    if matches!(event, Event::Start { .. }) && engine.is_none() {
        *engine = Some(Engine::new(Detection::default(), Forecast::default(), 1));
    }
    let engine = engine.as_mut().ok_or(ReplayError::NoStart { line })?;
    if let Some(problem) = problems(&event).into_iter().next() {
        return Err(ReplayError::Settings { line, problem });
    }
    event.tell(engine).map_err(|source| ReplayError::Refused { line, source })
}

/// What is wrong with settings that the scaler would have refused. An engine relies on their ranges.
fn problems(event: &Event) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut that = |holds: bool, key: &str, expected: &str| {
        if !holds {
            let message = format!("expected {expected}");
            problems.push(Problem { at: None, key: key.to_owned(), message });
        }
    };
    match event {
        Event::Start { detection, forecast, rows } => {
            that((1..=MOST_ROWS).contains(rows), "rows", "1 to 100000");
            problems.extend(config::start_problems(detection, forecast));
        }
        Event::Rules(rules) => {
            for (_, settings) in rules {
                let capacity = settings.workload.as_ref().map_or(1.0, |of| of.capacity);
                that(capacity > 0.0, "workload.capacity", "a number above 0");
                that(!settings.step.is_zero(), "step", "a duration above 0");
            }
            for of in rules.iter().flat_map(|(_, settings)| settings.dimensions.values()) {
                // A guard that nobody configured may be outside the ranges of one that is: it is off.
                let scale = of.scale.as_ref();
                problems.extend(config::decision_problems(Some(&of.policy), None, scale));
            }
        }
        Event::Learn { step, .. } => that(!step.is_zero(), "step", "a duration above 0"),
        Event::School(lesson) => {
            that(!lesson.step.is_zero(), "step", "a duration above 0");
            let capacity = lesson.workload.as_ref().map_or(1.0, |of| of.capacity);
            that(capacity > 0.0, "workload.capacity", "a number above 0");
            problems.extend(config::decision_problems(Some(&lesson.policy), None, None));
        }
        _ => {}
    }
    problems
}

#[cfg(test)]
mod tests;
