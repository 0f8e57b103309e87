//! Home directories of the host's users, for the files of rootless containers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::{Watch, inside};

/// Reads the host's `/etc/passwd`. Users of a directory service are not in it and stay unknown.
#[derive(Debug)]
pub(super) struct Users {
    rootfs: PathBuf,
    passwd: Watch,
    homes: HashMap<u32, PathBuf>,
}

impl Users {
    pub(super) fn new(rootfs: &Path) -> Self {
        Self {
            rootfs: rootfs.to_owned(),
            passwd: Watch::new(rootfs.join("etc/passwd")),
            homes: HashMap::new(),
        }
    }

    /// Where the home of user `uid` is below the root of the host's file system.
    pub(super) fn home(&mut self, uid: u32) -> Option<PathBuf> {
        if self.passwd.changed() {
            let text = self.passwd.read().ok().flatten().unwrap_or_default();
            self.homes = parse(&String::from_utf8_lossy(&text)).collect();
        }
        self.homes.get(&uid).map(|home| inside(&self.rootfs, home))
    }
}

/// `name:password:uid:gid:comment:home:shell`; a line that is not so is passed over.
fn parse(text: &str) -> impl Iterator<Item = (u32, PathBuf)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let uid = fields.nth(2)?.parse().ok()?;
        let home = fields.nth(2).filter(|home| home.starts_with('/'))?;
        Some((uid, PathBuf::from(home)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn homes_are_read_and_read_again() {
        let root = tempfile::tempdir().expect("tempdir");
        std::fs::create_dir(root.path().join("etc")).expect("mkdir");
        let passwd = root.path().join("etc/passwd");
        let text = "root:x:0:0:root:/root:/bin/sh\n# no user\nada:x:1000:1000:A,,,:/srv/ada:/bin/sh\nx:x:7:7::relative:\n";
        std::fs::write(&passwd, text).expect("write");
        let mut users = Users::new(root.path());
        assert_eq!(users.home(1000), Some(root.path().join("srv/ada")));
        assert_eq!((users.home(7), users.home(1001)), (None, None));
        std::fs::write(&passwd, format!("{text}bo:x:1001:1001::/home/bo:\n")).expect("write");
        assert_eq!(users.home(1001), Some(root.path().join("home/bo")));
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in "([a-z0-9:/#]{0,40}\n){0,5}") {
            for (_, home) in parse(&text) {
                prop_assert!(home.is_absolute());
            }
        }
    }
}
