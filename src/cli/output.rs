//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes `path` through `write`: into a file beside it, synced, then renamed over it. After an error
/// `path` is as it was.
///
/// # Errors
/// Those of `write`, and those of the file system with the path in them.
pub fn write_atomically<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: cannot write: {error}", path.display()))
    };
    let file = File::create(&temporary).map_err(named)?;
    let written = (|| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush().map_err(named)?;
        writer.get_ref().sync_all().map_err(named)?;
        fs::rename(&temporary, path).map_err(named)?;
        Ok(())
    })();
    if written.is_err() {
        // The first error is the one to tell; a left-over file is a nuisance only.
        let _ = fs::remove_file(&temporary);
    }
    written
}
