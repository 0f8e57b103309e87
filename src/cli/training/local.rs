//! Files below a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Store};

/// A folder with all that is below it, or one file.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// At this path, which must exist.
    pub fn open(path: &str) -> Result<Self, Failure> {
        fs::metadata(path).map_err(|error| format!("{path}: cannot open: {error}"))?;
        Ok(Self { path: PathBuf::from(path) })
    }
}

impl Store for Folder {
    fn list(&self) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        let named = |error: io::Error| format!("{}: cannot list: {error}", self.path.display());
        collect(&self.path, &mut files).map_err(named)?;
        files.sort_unstable();
        Ok(files)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, Failure> {
        fs::read(name).map_err(|error| format!("{name}: cannot read: {error}").into())
    }
}

/// Appends the paths of all files at and below `path`. Links to folders are not followed.
fn collect(path: &Path, files: &mut Vec<String>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.display().to_string());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_link_to_folder = entry.file_type()?.is_symlink() && entry.path().is_dir();
        if !is_link_to_folder {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
