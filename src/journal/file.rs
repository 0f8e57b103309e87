//! The journal's file: append-only lines, one lock, compaction.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::ledger::Ledger;
use super::{Intent, JournalError, Outcome, Record, Recovered};
use crate::target::{Dimension, Target};
use crate::units::{Limit, Timestamp};

/// The size from which old lines are dropped. Half of it is kept as history.
const MAX_BYTES: u64 = 64 << 20;

/// An open journal: the file `journal.jsonl` of its folder, held by a lock.
///
/// When a call returns, an intent, an outcome, an alert, a pause is on the disk; a decision is with the
/// kernel. The calls block for as long as the disk takes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Held open for the sake of its lock.
    _lock: File,
    ledger: Ledger,
    length_bytes: u64,
    max_bytes: u64,
    /// The length at which the next compaction is tried.
    compact_at_bytes: u64,
    /// A write failed and could not be undone: the end of the file is not known.
    broken: bool,
}

impl Journal {
    /// Opens the journal of `folder`, making both where they are missing, and replays it.
    ///
    /// A last line that was torn off in the middle is cut: no one was told that it had been written.
    ///
    /// # Errors
    /// When another process holds it, the file system refuses, or a line cannot be read.
    pub fn open(folder: &Path) -> Result<(Self, Recovered), JournalError> {
        Self::open_bounded(folder, MAX_BYTES)
    }

    pub(super) fn open_bounded(
        folder: &Path,
        max_bytes: u64,
    ) -> Result<(Self, Recovered), JournalError> {
        fs::create_dir_all(folder).map_err(JournalError::io("create", folder))?;
        let lock = lock(folder)?;
        let path = folder.join("journal.jsonl");
        let new = !path.exists();
        let file = append_to(&path).map_err(JournalError::io("open", &path))?;
        if new {
            sync_folder(folder)?;
        }

        let mut ledger = Ledger::default();
        let mut length_bytes = 0;
        let whole = each_line(&path, |line| {
            length_bytes = line.end;
            if let Some(record) = &line.record {
                ledger.apply(record);
            }
            Ok(())
        })?;
        let torn_bytes = whole - length_bytes;
        if torn_bytes > 0 {
            tracing::warn!(file = %path.display(), torn_bytes, "the last line was torn off; it is cut");
            file.set_len(length_bytes).map_err(JournalError::io("shorten", &path))?;
        }
        let mut journal = Self {
            path,
            file,
            _lock: lock,
            ledger,
            length_bytes,
            max_bytes,
            compact_at_bytes: max_bytes,
            broken: false,
        };
        if journal.length_bytes > max_bytes {
            journal.compact()?;
        }
        let recovered = journal.ledger.recovered(torn_bytes);
        Ok((journal, recovered))
    }

    /// Writes down that a change is about to be made. Only then may it be made.
    ///
    /// # Errors
    /// When it is not on the disk; then the change must not be made.
    pub fn intend(
        &mut self,
        at: Timestamp,
        target: Target,
        dimension: Dimension,
        from: Limit<f64>,
        to: f64,
        reason: String,
    ) -> Result<Intent, JournalError> {
        let id = self.ledger.next_id();
        let intent = Intent { id, at, target, dimension, from, to, reason };
        self.append(Record::Intent(intent.clone()))?;
        Ok(intent)
    }

    /// Writes down what became of an intent, read back at `at`.
    ///
    /// # Errors
    /// When it is not on the disk; after a restart the intent is compared with the real size.
    pub fn settle(
        &mut self,
        intent: &Intent,
        at: Timestamp,
        outcome: Outcome,
    ) -> Result<(), JournalError> {
        self.append(Record::Outcome { intent: intent.id, at, outcome })
    }

    /// Appends a record. A decision that says the same as the last one of its target and dimension
    /// (action, size and reasons of its clips) is not written.
    ///
    /// # Errors
    /// When the record is refused or cannot be made durable; it does not count then.
    pub fn append(&mut self, record: Record) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken { path: self.path.clone() });
        }
        if self.ledger.repeats(&record) {
            return Ok(());
        }
        let line = line_of(&record)?;
        if let Err(source) = self.write(&line, record.durable()) {
            return Err(JournalError::Io { action: "write to", path: self.path.clone(), source });
        }
        self.length_bytes += line.len() as u64;
        self.ledger.apply(&record);
        if self.length_bytes > self.compact_at_bytes
            && let Err(error) = self.compact()
        {
            // The record is safe; a long file is no reason to stop.
            self.compact_at_bytes = self.length_bytes.saturating_mul(2);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the journal was not compacted"
            );
        }
        Ok(())
    }

    /// Writes one line as a whole, or takes back what was written of it.
    fn write(&mut self, line: &str, durable: bool) -> io::Result<()> {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.broken = self.file.set_len(self.length_bytes).is_err();
            return Err(error);
        }
        if durable && let Err(error) = self.file.sync_data() {
            // After a failed sync the kernel may have dropped earlier pages too.
            self.broken = true;
            return Err(error);
        }
        Ok(())
    }

    /// Writes a shorter file with the lines the ledger rests on and the newest half of the rest, and
    /// puts it in the place of the old one.
    fn compact(&mut self) -> Result<(), JournalError> {
        self.ledger.forget_old();
        let history_from = self.length_bytes.saturating_sub(self.max_bytes / 2);
        let new_path = self.path.with_extension("jsonl.new");
        let _ = fs::remove_file(&new_path);
        let new = append_to(&new_path).map_err(JournalError::io("create", &new_path))?;
        let mut writer = BufWriter::new(&new);
        let needs = self.ledger.needs();
        let mut length_bytes = 0;
        each_line(&self.path, |line| {
            let Some(record) = &line.record else { return Ok(()) };
            if line.start >= history_from || needs.contains(record) {
                length_bytes += line.end - line.start;
                writer.write_all(line.bytes).map_err(JournalError::io("write to", &new_path))?;
            }
            Ok(())
        })?;
        writer.flush().map_err(JournalError::io("write to", &new_path))?;
        drop(writer);
        new.sync_all().map_err(JournalError::io("sync", &new_path))?;
        fs::rename(&new_path, &self.path).map_err(JournalError::io("replace", &self.path))?;
        self.file = new;
        self.length_bytes = length_bytes;
        self.compact_at_bytes = self.max_bytes.max(length_bytes.saturating_mul(2));
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }
}

/// A complete line of the file.
struct Line<'a> {
    /// Where it starts, in bytes.
    start: u64,
    /// Where the next one starts.
    end: u64,
    /// With its line feed.
    bytes: &'a [u8],
    /// `None` for an empty line.
    record: Option<Record>,
}

/// Calls `visit` with each complete line. Returns the length of the file, a torn last line included.
fn each_line(
    path: &Path,
    mut visit: impl FnMut(Line<'_>) -> Result<(), JournalError>,
) -> Result<u64, JournalError> {
    let file = File::open(path).map_err(JournalError::io("open", path))?;
    let mut reader = BufReader::new(file);
    let (mut bytes, mut start, mut number) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        reader.read_until(b'\n', &mut bytes).map_err(JournalError::io("read", path))?;
        let end = start + bytes.len() as u64;
        if bytes.last() != Some(&b'\n') {
            return Ok(end);
        }
        number += 1;
        let record = if bytes.trim_ascii().is_empty() {
            None
        } else {
            let corrupt =
                |source| JournalError::Corrupt { path: path.to_owned(), line: number, source };
            Some(serde_json::from_slice(&bytes).map_err(corrupt)?)
        };
        visit(Line { start, end, bytes: &bytes, record })?;
        start = end;
    }
}

/// The line of a record, with its line feed; refused where it could not be read back.
fn line_of(record: &Record) -> Result<String, JournalError> {
    let unreadable = |line: &str| {
        let line = line.to_owned();
        move |source| JournalError::Unreadable { line, source }
    };
    let mut line = serde_json::to_string(record).map_err(unreadable(""))?;
    serde_json::from_str::<Record>(&line).map_err(unreadable(&line))?;
    line.push('\n');
    Ok(line)
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Takes the folder's lock. It ends with the process, however that ends.
fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join("journal.lock");
    let file = append_to(&path).map_err(JournalError::io("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(JournalError::InUse { folder: folder.to_owned() })
        }
        Err(errno) => Err(JournalError::io("lock", &path)(errno.into())),
    }
}

/// Makes the names in a folder durable: a file's own sync does not.
fn sync_folder(folder: &Path) -> Result<(), JournalError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(JournalError::io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Pause;

    fn pause() -> Record {
        let at = Timestamp::default();
        Record::Pause(Pause { at, target: None, until: None, reason: String::new() })
    }

    /// A full disk, of which nothing can be taken back: no later line may follow half a line.
    #[test]
    fn a_write_that_cannot_be_undone_ends_all_writing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        journal.append(pause()).unwrap();
        let sound =
            std::mem::replace(&mut journal.file, append_to(Path::new("/dev/full")).unwrap());
        let error = journal.append(pause()).unwrap_err();
        assert!(matches!(error, JournalError::Io { action: "write to", .. }), "{error}");
        journal.file = sound;
        let error = journal.append(pause()).unwrap_err();
        assert!(matches!(error, JournalError::Broken { .. }), "{error}");
    }
}
