//! Files that runtimes leave on disk: noticing that one changed, and telling that one cannot be read.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Identity, Runtime};
use crate::units::Timestamp;

/// A file or directory, and what it was when last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    path: PathBuf,
    seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Never,
    Nothing,
    /// Inode, modification time and size tell one content from the next.
    Version(u64, i64, i64, u64),
}

impl Watch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, seen: Seen::Never }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is another one than at the last call; always so at the first. Costs one `stat`.
    pub(super) fn changed(&mut self) -> bool {
        let now = match fs::metadata(&self.path) {
            Ok(m) => Seen::Version(m.ino(), m.mtime(), m.mtime_nsec(), m.size()),
            Err(_) => Seen::Nothing,
        };
        now != std::mem::replace(&mut self.seen, now)
    }

    /// Its content; `None` where there is no such file.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        read(&self.path)
    }
}

/// The content of a file; `None` where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(io::Error::new(error.kind(), "permission denied; needs CAP_DAC_READ_SEARCH"))
        }
        Err(error) => Err(error),
    }
}

/// Whether a path leads nowhere. `NotADirectory`: a part of the way is a file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A number alone in a file, such as a process id.
pub(super) fn number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|n| *n != 0)
}

/// A time as runtimes write it: RFC 3339. The year 1 stands for never.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    (at.as_second() > 0).then(|| Timestamp::from_millis(at.as_millisecond()))
}

/// `path` of the host below the root of its file system.
pub(super) fn inside(rootfs: &Path, path: &Path) -> PathBuf {
    rootfs.join(path.strip_prefix("/").unwrap_or(path))
}

/// Why details of containers are missing, by runtime and key.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<(Runtime, String), String>);

impl Problems {
    pub(super) fn note(&mut self, identity: &Identity, path: &Path, error: impl Display) {
        self.tell(identity, format!("{}: {error}", path.display()));
    }

    pub(super) fn tell(&mut self, identity: &Identity, problem: String) {
        if let Some(key) = &identity.key {
            self.0.insert((identity.runtime, key.clone()), problem);
        }
    }

    pub(super) fn clear(&mut self, identity: &Identity) {
        // Nearly always there is none: no key is made for looking it up.
        if let (false, Some(key)) = (self.0.is_empty(), &identity.key) {
            self.0.remove(&(identity.runtime, key.clone()));
        }
    }

    /// One sentence for each runtime, with one of its problems as an example.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut by_runtime: BTreeMap<Runtime, (usize, &str)> = BTreeMap::new();
        for ((runtime, _), problem) in &self.0 {
            by_runtime.entry(*runtime).or_insert((0, problem)).0 += 1;
        }
        by_runtime
            .into_iter()
            .map(|(runtime, (count, example))| {
                let runtime = runtime.name();
                format!(
                    "names, images or labels of {count} {runtime} cgroups are left out: {example}"
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_watch_sees_birth_change_and_end() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("file");
        let mut watch = Watch::new(path.clone());
        assert!(watch.changed() && !watch.changed());
        fs::write(&path, "7\n").expect("write");
        assert!(watch.changed() && !watch.changed());
        assert_eq!(number(&path), Some(7));
        fs::write(&path, "longer").expect("write");
        assert!(watch.changed() && !watch.changed());
        assert_eq!(
            (number(&path), watch.read().expect("readable")),
            (None, Some(b"longer".into()))
        );
        fs::remove_file(&path).expect("remove");
        assert!(watch.changed() && !watch.changed());
        assert_eq!(watch.read().expect("absent"), None);
    }

    #[test]
    fn problems_are_counted_by_runtime() {
        let mut problems = Problems::default();
        let [a, b] = ["a", "b"].map(|key| Identity::new(Runtime::Podman, Some(key)));
        let path = Path::new("/x");
        problems.note(&a, path, "denied");
        problems.note(&b, path, "denied");
        problems.note(&a, path, "denied again");
        let told = "names, images or labels of 2 podman cgroups are left out: /x: denied again";
        assert_eq!(problems.sentences(), [told]);
        problems.clear(&a);
        problems.clear(&b);
        assert_eq!(problems.sentences(), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in ".{0,40}") {
            let _ = time(&text);
        }
    }
}
