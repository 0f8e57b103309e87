//! Open files and sockets of processes, and how many they may have.

use std::fs;

use super::Member;
use super::file::{Failure, Files, bad, lines, number, words};
use crate::metric_set::MetricSet;

/// Open files of the processes in one cgroup. `None` where the kernel does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptors {
    /// Descriptors.
    pub open: Option<u64>,
    /// Of them sockets.
    pub sockets: Option<u64>,
    /// How many the first process may have open.
    pub soft_limit: Option<SoftLimit>,
}

/// A limit of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftLimit {
    /// So many.
    At(u64),
    /// None.
    Unlimited,
}

/// Reads the descriptors of a cgroup's processes; nothing where it has none.
pub(super) fn read(member: &Member, files: &mut Files) -> Descriptors {
    let Some(first) = member.pids.first() else { return Descriptors::default() };
    let limit = files.read(*first, "limits", soft_limit);
    Descriptors {
        open: sum(member, files, open),
        sockets: sum(member, files, sockets),
        soft_limit: files.note(MetricSet::Descriptors, (*first, "limits"), limit).map(|(_, l)| l),
    }
}

/// The sum over all processes of a cgroup; `None` where one of them is not for us to read.
fn sum(
    member: &Member,
    files: &mut Files,
    count: fn(&Files, u32) -> Result<u64, Failure>,
) -> Option<u64> {
    let mut sum = 0u64;
    for pid in member.pids {
        match count(files, *pid) {
            Ok(more) => sum = sum.saturating_add(more),
            Err(Failure::Gone) => (),
            Err(failure) => {
                return files.note(MetricSet::Descriptors, (*pid, "fd"), Err(failure));
            }
        }
    }
    Some(sum)
}

/// Linux 6.2 and later tell the number of descriptors as the directory's size, to everyone.
fn open(files: &Files, pid: u32) -> Result<u64, Failure> {
    let dir = files.path(pid, "fd");
    if files.sizes_count() {
        return Ok(fs::metadata(dir)?.len());
    }
    Ok(fs::read_dir(dir)?.count() as u64)
}

fn sockets(files: &Files, pid: u32) -> Result<u64, Failure> {
    let mut sockets = 0;
    for entry in fs::read_dir(files.path(pid, "fd"))? {
        match fs::read_link(entry?.path()).map_err(Failure::from) {
            Ok(target) => {
                sockets += u64::from(target.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
            }
            // Closed meanwhile.
            Err(Failure::Gone) => (),
            // The folder may be listed by those who may not follow its links.
            Err(failure) => return Err(failure),
        }
    }
    Ok(sockets)
}

/// The row "Max open files" of `limits`.
pub(super) fn soft_limit(text: &[u8]) -> Result<SoftLimit, Failure> {
    let row = lines(text).find_map(|(n, line)| Some((n, line.strip_prefix(b"Max open files")?)));
    let (line, row) = row.ok_or_else(|| bad(1, "a row \"Max open files\"", text))?;
    let limit = words(row).next().and_then(|word| match word {
        b"unlimited" => Some(SoftLimit::Unlimited),
        word => number(word).map(SoftLimit::At),
    });
    limit.ok_or_else(|| bad(line, "a number or \"unlimited\"", row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limit_of_open_files_is_known() {
        let limits = |soft: &str| {
            format!(
                "Limit  Soft Limit  Hard Limit  Units\nMax cpu time  unlimited  unlimited  seconds\nMax open files            {soft}                 4096  files\n"
            )
        };
        let read = |soft: &str| soft_limit(limits(soft).as_bytes());
        assert_eq!(read("1024").expect("readable"), SoftLimit::At(1024));
        assert_eq!(read("unlimited").expect("readable"), SoftLimit::Unlimited);
        assert!(read("many").is_err());
        assert!(soft_limit(b"Limit Soft\n").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((Max open files)?.{0,30}\n?){0,4}") {
            let _ = soft_limit(text.as_bytes());
        }
    }
}
