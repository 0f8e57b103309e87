//! The log of suggestions: what would be done, for people and scripts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::JournalError;
use crate::guard::Decision;
use crate::policy::Action;
use crate::target::{Dimension, TargetId};
use crate::units::Timestamp;

const BYTES_PER_MIB: f64 = (1 << 20) as f64;

/// One line of the log. Amounts are the sizes to be reached, not differences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// When.
    pub timestamp: Timestamp,
    /// The target's id.
    pub container_id: TargetId,
    /// What is suggested for the CPU quota.
    pub cpu_action: Action,
    /// The wanted quota, in cores; `None` where nothing is to be moved.
    pub cpu_amount: Option<f64>,
    /// What is suggested for the memory limit.
    pub ram_action: Action,
    /// The wanted limit, in MiB; `None` where nothing is to be moved.
    pub ram_amount: Option<f64>,
    /// What is to be done about the number of replicas; `None` where it is not looked after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas_action: Option<Action>,
    /// The wanted number; `None` where nothing is to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas_amount: Option<f64>,
    /// Why, the CPU first.
    pub reason: String,
}

impl Suggestion {
    /// The suggestion that the decisions of one target at one moment amount to.
    pub fn new(timestamp: Timestamp, target: TargetId, decisions: &[Decision]) -> Self {
        let mut suggestion = Self {
            timestamp,
            container_id: target,
            cpu_action: Action::NoScaling,
            cpu_amount: None,
            ram_action: Action::NoScaling,
            ram_amount: None,
            replicas_action: None,
            replicas_amount: None,
            reason: String::new(),
        };
        for decision in decisions {
            let amount = decision.desired.filter(|_| decision.action != Action::NoScaling);
            match decision.dimension {
                Dimension::Replicas => {
                    suggestion.replicas_action = Some(decision.action);
                    suggestion.replicas_amount = amount;
                }
                Dimension::Cpu => {
                    suggestion.cpu_action = decision.action;
                    suggestion.cpu_amount = amount;
                }
                Dimension::Memory => {
                    suggestion.ram_action = decision.action;
                    suggestion.ram_amount = amount.map(|bytes| bytes / BYTES_PER_MIB);
                }
            }
        }
        suggestion.reason = reasons(decisions);
        suggestion
    }

    fn says_the_same(&self, other: &Self) -> bool {
        self.cpu_action == other.cpu_action
            && self.cpu_amount == other.cpu_amount
            && self.ram_action == other.ram_action
            && self.ram_amount == other.ram_amount
            && self.replicas_action == other.replicas_action
            && self.replicas_amount == other.replicas_amount
    }

    fn is_quiet(&self) -> bool {
        let replicas = self.replicas_action.unwrap_or(Action::NoScaling);
        [self.cpu_action, self.ram_action, replicas].iter().all(|a| *a == Action::NoScaling)
    }
}

fn reasons(decisions: &[Decision]) -> String {
    let mut ordered: Vec<&Decision> = decisions.iter().collect();
    ordered.sort_by_key(|decision| decision.dimension);
    let texts = ordered.iter().filter(|decision| !decision.reasons.is_empty());
    let texts: Vec<String> =
        texts.map(|d| format!("{}: {}", d.dimension, d.reasons.join("; "))).collect();
    texts.join(". ")
}

/// The log: one JSON object a line. The file is opened for each line, so that it may be moved away at
/// any time.
#[derive(Debug)]
pub struct SuggestionsLog {
    path: PathBuf,
    last: BTreeMap<TargetId, Suggestion>,
}

impl SuggestionsLog {
    /// Opens the log and reads what was last suggested for each container. Lines that are not
    /// suggestions are left alone.
    ///
    /// # Errors
    /// When the file exists and cannot be read, or cannot be made.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(JournalError::io("open", path))?;
        let mut last = BTreeMap::new();
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        let mut whole = true;
        while reader.read_until(b'\n', &mut line).map_err(JournalError::io("read", path))? > 0 {
            if let Ok(suggestion) = serde_json::from_slice::<Suggestion>(&line) {
                last.insert(suggestion.container_id.clone(), suggestion);
            }
            whole = line.ends_with(b"\n");
            line.clear();
        }
        if !whole {
            // A killed program left half a line; the next one must not be glued to it.
            file.write_all(b"\n").map_err(JournalError::io("write to", path))?;
        }
        Ok(Self { path: path.to_owned(), last })
    }

    /// Writes the suggestion, unless actions and amounts are those last written for the container. A
    /// container for which nothing was ever suggested is not mentioned. Returns whether it was written.
    ///
    /// # Errors
    /// When the file cannot be written to.
    pub fn note(&mut self, suggestion: Suggestion) -> Result<bool, JournalError> {
        let known = match self.last.get(&suggestion.container_id) {
            Some(last) => last.says_the_same(&suggestion),
            None => suggestion.is_quiet(),
        };
        if known {
            return Ok(false);
        }
        let failed =
            |source| JournalError::Io { action: "write to", path: self.path.clone(), source };
        let mut line = serde_json::to_string(&suggestion).map_err(|e| failed(e.into()))?;
        line.push('\n');
        File::options()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(failed)?;
        self.last.insert(suggestion.container_id.clone(), suggestion);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fixtures::START;
    use crate::target::Mode;
    use crate::units::Limit;

    fn decision(dimension: Dimension, action: Action, desired: f64, reason: &str) -> Decision {
        Decision {
            at: START,
            target: "web/shop".into(),
            dimension,
            mode: Mode::Advise,
            current: Some(Limit::At(1.0)),
            proposed: Some(desired),
            desired: Some(desired),
            action,
            reasons: vec![reason.to_owned()],
            clips: Vec::new(),
            anomaly: None,
        }
    }

    fn suggestion(cpu: f64, reason: &str) -> Suggestion {
        let decisions = [
            decision(Dimension::Memory, Action::NoScaling, 1048576.0, "fits"),
            decision(Dimension::Cpu, Action::ScaleUp, cpu, reason),
        ];
        Suggestion::new(START, "web/shop".into(), &decisions)
    }

    #[test]
    fn a_line_holds_absolute_sizes() {
        let line = serde_json::to_string(&suggestion(1.5, "busy")).unwrap();
        assert_eq!(
            line,
            r#"{"timestamp":"2026-01-01T00:00:00.000Z","container_id":"web/shop","cpu_action":"Scale Up","cpu_amount":1.5,"ram_action":"No Scaling","ram_amount":null,"reason":"cpu: busy. memory: fits"}"#
        );
        let memory = decision(Dimension::Memory, Action::ScaleDown, 64.0 * BYTES_PER_MIB, "idle");
        let down = Suggestion::new(START, "web/shop".into(), &[memory]);
        assert_eq!((down.ram_action, down.ram_amount), (Action::ScaleDown, Some(64.0)));
    }

    #[test]
    fn repeats_are_dropped_over_restarts_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suggestions.json");
        let quiet = Suggestion::new(START, "web/shop".into(), &[]);
        let mut log = SuggestionsLog::open(&path).unwrap();
        assert!(!log.note(quiet.clone()).unwrap(), "nothing was ever suggested");
        assert!(log.note(suggestion(1.5, "90 %")).unwrap());
        assert!(!log.note(suggestion(1.5, "91 %")).unwrap());
        let mut log = SuggestionsLog::open(&path).unwrap();
        assert!(!log.note(suggestion(1.5, "92 %")).unwrap());
        assert!(log.note(suggestion(2.0, "93 %")).unwrap());
        assert!(log.note(quiet).unwrap(), "that it is over is news");
        assert!(log.note(suggestion(2.0, "94 %")).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[test]
    fn half_a_line_of_a_killed_program_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suggestions.json");
        std::fs::write(&path, r#"{"timestamp":"2026"#).unwrap();
        SuggestionsLog::open(&path).unwrap().note(suggestion(1.5, "busy")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(serde_json::from_str::<Suggestion>(last).unwrap(), suggestion(1.5, "busy"));
    }
}
