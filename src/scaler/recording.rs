//! The recording of an engine: what it was told and what it decided, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::guard::Decision;

/// A recording that has grown to this is not continued: a disk that is full helps nobody.
const MAX_BYTES: u64 = 4 << 30;

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What the engine was told.
    Event(Box<Event>),
    /// What it decided upon that.
    Decided(Vec<Decision>),
}

/// The length of a file without what follows its last line's end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; 4096];
    while end > 0 {
        let length = end.min(block.len() as u64);
        let block = &mut block[..length as usize];
        file.seek(SeekFrom::Start(end - length))?;
        file.read_exact(block)?;
        if let Some(place) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - length + place as u64 + 1);
        }
        end -= length;
    }
    Ok(0)
}

/// A recording under way. It never holds up the scaler: after a failure it says so once and ends.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    bytes: u64,
}

impl Recorder {
    /// Goes on with the recording at `path`, or begins it. Only its owner may read it.
    ///
    /// # Errors
    /// The file system's, with the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: cannot record: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true).mode(0o600);
        let mut file = options.open(path).map_err(named)?;
        let bytes = whole_lines(&mut file).map_err(named)?;
        // A last line that a crash tore off would spoil the next one.
        file.set_len(bytes).map_err(named)?;
        Ok(Self { path: path.to_owned(), file: Some(BufWriter::new(file)), bytes })
    }

    /// Takes down a line.
    pub fn note(&mut self, line: &Line) {
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            self.bytes += text.len() as u64;
            file.write_all(&text)?;
            // What is decided is worth being seen even after a crash; the events before it go along.
            if matches!(line, Line::Decided(_)) { file.flush() } else { Ok(()) }
        });
        match written {
            Ok(()) if self.bytes < MAX_BYTES => {}
            Ok(()) => {
                tracing::warn!(
                    "{}: {} bytes are enough: not recorded further",
                    self.path.display(),
                    self.bytes
                );
                self.file = None;
            }
            Err(error) => {
                tracing::error!("{}: not recorded further: {error}", self.path.display());
                self.file = None;
            }
        }
    }
}
