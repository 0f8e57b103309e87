//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

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

/// Writes `path` likewise, through gzip where its name ends in `.gz`.
///
/// # Errors
/// As those of [`write_atomically`].
pub fn write_maybe_gzipped<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    write_atomically(path, |file| {
        if path.extension().is_none_or(|extension| extension != "gz") {
            return write(file);
        }
        let mut encoder = GzEncoder::new(file, Compression::default());
        write(&mut encoder)?;
        encoder.finish()?;
        Ok(())
    })
}
