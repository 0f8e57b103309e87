//! `loadline decide`: one decision, from JSON on stdin to JSON on stdout, by the functions that the
//! scaler calls.

use std::io::{Read, Write, stdin, stdout};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::CommandResult;
use crate::config::{self, Guard, Policy, Scale};
use crate::guard::{self, Decision, GuardState};
use crate::policy::{self, PolicyState, Proposal, Situation};
use crate::scaler::engine::DimensionSettings;
use crate::target::Mode;

/// What `--help` ends in. The tests run it.
const EXAMPLE: &str = r#"Example: a container of half a core is busy and throttled, an hour after its last growth.

loadline decide <<'END'
{
  "scale": { "min": 0.25, "max": 4 },
  "mode": "enforce",
  "situation": {
    "at": "2026-03-01T12:00:00Z",
    "target": "web/host1:9100,shop",
    "dimension": "cpu",
    "current": 0.5,
    "usage": 0.48,
    "throttled_ratio": 0.4,
    "freshness": "fresh"
  },
  "guard_state": { "last_growth": "2026-03-01T11:00:00Z" }
}
END

Only "situation" must be there, and of it at, target, dimension and freshness: what is left out is
not known. CPU is in cores, memory in bytes; current may be "max" (no limit). "policy", "guard" and
"scale" are written as in loadline.yml, a dimension of the policy as a whole, and default as there;
without "scale" there are no bounds, and "enforce" moves nothing. Hand the states of an answer to
the next question about the same target and dimension. docs/deciding.md explains the answer."#;

#[derive(Args)]
#[command(after_long_help = EXAMPLE)]
pub struct Arguments {}

/// What stands on stdin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    policy: Option<Policy>,
    #[serde(default)]
    guard: Option<Guard>,
    #[serde(default)]
    scale: Option<Scale>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    paused: bool,
    situation: Situation,
    #[serde(default)]
    policy_state: PolicyState,
    #[serde(default)]
    guard_state: GuardState,
}

/// What is written to stdout.
#[derive(Serialize)]
struct Answer {
    proposal: Proposal,
    decision: Decision,
    policy_state: PolicyState,
    guard_state: GuardState,
}

impl Arguments {
    /// Answers one question.
    ///
    /// # Errors
    /// The first thing on stdin that does not fit, or all settings that cannot be.
    pub fn run(&self) -> CommandResult {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map_err(|e| format!("cannot read stdin: {e}"))?;
        let answer = answer(parse(&text)?);
        let mut out = stdout().lock();
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
        Ok(())
    }
}

fn answer(question: Question) -> Answer {
    let Question { scale, mode, paused, situation, .. } = question;
    let DimensionSettings { policy, guard, .. } =
        DimensionSettings::new(situation.dimension, None, question.policy, question.guard);
    let (mut policy_state, mut guard_state) = (question.policy_state, question.guard_state);
    let proposal = policy::propose(&policy, &situation, &mut policy_state);
    let decision = guard::decide(
        &guard,
        scale.as_ref(),
        mode,
        paused,
        &situation,
        proposal.clone(),
        &mut guard_state,
    );
    Answer { proposal, decision, policy_state, guard_state }
}

/// Reads a question. Errors look as those of `loadline check`: `stdin:LINE:COLUMN: KEY: MESSAGE`.
fn parse(text: &str) -> Result<Question, String> {
    if text.trim().is_empty() {
        return Err("stdin is empty: loadline decide --help shows what it may hold".to_owned());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let question: Question = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| located(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| located(".", &error))?;

    let Question { policy, guard, scale, .. } = &question;
    let problems = config::decision_problems(policy.as_ref(), guard.as_ref(), scale.as_ref());
    if problems.is_empty() {
        return Ok(question);
    }
    let lines: Vec<String> = problems.iter().map(|problem| format!("stdin: {problem}")).collect();
    Err(lines.join("\n"))
}

/// An error with its place. A key says nothing of text that is no JSON.
fn located(key: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    let message = message.replace("expected f64", "expected a number");
    let key = if error.is_data() && key != "." { format!("{key}: ") } else { String::new() };
    format!("stdin:{line}:{column}: {key}{message}")
}
