//! What can go wrong with a journal, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process holds the folder.
    #[error(
        "the journal in {} is in use by another loadline: stop that one, or set journal.path to \
         another folder",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A line before the last cannot be read.
    #[error(
        "{}, line {line}: not a record of a journal ({source}). Mend or delete this line, then start \
         again; without it a change, a pause or an alert may be forgotten",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// The parser's word; its column counts within the line.
        source: serde_json::Error,
    },
    /// A record holds a value that could not be read back, such as a size that is not a number.
    #[error("a record that could not be read back was not written ({source}): {line}")]
    Unreadable {
        /// The line that it would have been.
        line: String,
        /// The parser's word.
        source: serde_json::Error,
    },
    /// An earlier write failed in a way that leaves the end of the file unknown.
    #[error(
        "{} could not be written to completely, so nothing more is written to it: make sure that \
         the disk is sound and has room, then restart",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    /// For `map_err`: the file system refused to `action` the file at `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
