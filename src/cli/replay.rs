//! `loadline replay`: a recording of the scaler, lived through again.

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandResult;
use super::output::write_atomically;
use crate::guard::Decision;
use crate::journal::Record;
use crate::scaler::replay::{Replayed, replay};

/// Live through a recording of the scaler again, and prove that the same is decided.
///
/// With `journal.recording` in its settings the scaler writes down everything that its decisions rest on.
/// This tells it all to the same code once more and compares the decisions with the recorded ones, byte
/// for byte. The exit code is 1 where one differs.
#[derive(Args)]
pub struct Arguments {
    /// The recording
    #[arg(long, value_name = "FILE")]
    recording: PathBuf,
    /// Compare with the decisions in this journal too: the folder, or its file journal.jsonl
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// Where to write the decisions, one JSON object a line as in the journal
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Arguments {
    /// Runs the command.
    ///
    /// # Errors
    /// A file cannot be read or written, or a decision differs.
    pub fn run(&self) -> CommandResult {
        let mut lines = Vec::new();
        let keep = |decision| lines.push(serde_json::to_string(&Record::Decision(decision)));
        let result = self.replay(keep)?;
        let lines = lines.into_iter().collect::<Result<Vec<String>, _>>()?;
        if let Some(path) = &self.output {
            write_atomically(path, |file| {
                lines.iter().try_for_each(|line| writeln!(file, "{line}"))
            })?;
        }
        let mut out = stdout().lock();
        let Replayed { ticks, decisions, equal, .. } = result;
        writeln!(
            out,
            "{ticks} ticks, {decisions} decisions; those of {equal} ticks are as recorded"
        )?;
        if let Some(difference) = result.difference {
            return Err(format!(
                "{}: line {}: another decision is taken now\nrecorded: {}\nreplayed: {}",
                self.recording.display(),
                difference.line,
                difference.recorded,
                difference.replayed
            )
            .into());
        }
        if let Some(path) = &self.journal {
            let found = compare(path, &lines)?;
            writeln!(out, "{found} decisions of the journal are among them")?;
        }
        Ok(())
    }

    fn replay(
        &self,
        mut keep: impl FnMut(Decision),
    ) -> Result<Replayed, Box<dyn Error + Send + Sync>> {
        let path = self.recording.display();
        let file = File::open(&self.recording).map_err(|e| format!("{path}: cannot open: {e}"))?;
        let result = replay(BufReader::new(file), |decision| keep(decision.clone()));
        let result = result.map_err(|error| format!("{path}: {error}"))?;
        if result.torn {
            tracing::warn!("{path}: the last line was torn off; it is left out");
        }
        Ok(result)
    }
}

/// How many decisions of the journal are among `lines`, byte for byte.
fn compare(path: &Path, lines: &[String]) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let path = if path.is_dir() { path.join("journal.jsonl") } else { path.to_owned() };
    let name = path.display();
    let file = File::open(&path).map_err(|e| format!("{name}: cannot open: {e}"))?;
    let replayed: HashSet<&str> = lines.iter().map(String::as_str).collect();
    let mut found = 0;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| format!("{name}: cannot read: {e}"))?;
        if !line.starts_with(r#"{"record":"decision""#) {
            continue;
        }
        if !replayed.contains(line.as_str()) {
            let number = number + 1;
            return Err(format!("{name}: line {number}: not decided in the replay: {line}").into());
        }
        found += 1;
    }
    Ok(found)
}
