//! What a scrape cannot cost less than: one `pread` of each file on a descriptor that stays open.
//!
//! `floor MOST FOLDER...` opens, in the first MOST cgroups in each of these folders by name, the files that
//! the exporter's default sets are made of and that are there. For each line on stdin it reads all of them once and prints
//! `NANOSECONDS FILES BYTES`. It needs nothing but the standard library:
//! `rustc -O --edition=2024 floor.rs`.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

const VERSION_1: [&str; 12] = [
    "memory.stat",
    "memory.usage_in_bytes",
    "memory.limit_in_bytes",
    "memory.failcnt",
    "cpuacct.usage",
    "cpuacct.stat",
    "cpu.stat",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpu.shares",
    "pids.current",
    "blkio.throttle.io_service_bytes_recursive",
];

const VERSION_2: [&str; 13] = [
    "memory.stat",
    "memory.current",
    "memory.events",
    "memory.swap.current",
    "memory.max",
    "cpu.stat",
    "cpu.max",
    "cpu.weight",
    "cpu.pressure",
    "memory.pressure",
    "io.pressure",
    "io.stat",
    "pids.current",
];

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let most = arguments.next().and_then(|text| text.parse().ok());
    let most = most.ok_or_else(|| io::Error::other("expected MOST FOLDER..."))?;
    let mut files = Vec::new();
    for folder in arguments.map(PathBuf::from) {
        open(&folder, most, &mut files)?;
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        line?;
        let started = Instant::now();
        let mut bytes = 0;
        for file in &files {
            bytes += file.read_at(&mut buffer, 0)?;
        }
        writeln!(answers, "{} {} {bytes}", started.elapsed().as_nanos(), files.len())?;
        answers.flush()?;
    }
    Ok(())
}

/// Opens the files of the first `most` cgroups in `folder`. On v1 a folder has those of its controllers only; where two
/// controllers share a hierarchy it is given once.
fn open(folder: &Path, most: usize, files: &mut Vec<File>) -> io::Result<()> {
    let is_v2 = folder.join("cgroup.controllers").exists();
    let names: &[&str] = if is_v2 { &VERSION_2 } else { &VERSION_1 };
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut groups: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    groups.retain(|path| path.is_dir());
    groups.sort();
    for group in groups.iter().take(most) {
        let there = names.iter().map(|name| group.join(name)).filter(|file| file.exists());
        files.extend(there.map(File::open).collect::<io::Result<Vec<_>>>()?);
    }
    Ok(())
}
