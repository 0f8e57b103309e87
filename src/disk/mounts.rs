//! Mount tables: `/proc/PID/mountinfo`, see proc_pid_mountinfo(5).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::cgroup::unescape;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Major and minor number of the file system, as written.
    pub device: String,
    /// What of the file system is mounted.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// The kind of file system.
    pub kind: String,
    /// What it is mounted from.
    pub source: String,
    /// The writable layer, where it is an overlay with one.
    pub upper: Option<PathBuf>,
}

/// Where the files of a container are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// In a folder of a file system that it shares: the writable layer of an overlay.
    Layer(PathBuf),
    /// In a file system of its own, mounted from here.
    Own(String),
}

/// File systems that tell at once how full they are, and are on a device or a pool of this host.
const LOCAL: [&str; 11] =
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "vfat"];

impl Mount {
    pub(super) fn is_local(&self) -> bool {
        LOCAL.contains(&self.kind.as_str())
    }
}

/// The mounts of a table, in its order. A line that is none is left out.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|b| *b == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    let text = |field: &[u8]| String::from_utf8_lossy(&unescape(field)).into_owned();
    let path = |field: &[u8]| PathBuf::from(OsString::from_vec(unescape(field)));
    let options = fields.get(dash + 3)?.split(|b| *b == b',');
    Some(Mount {
        device: text(fields[2]),
        root: path(fields[3]),
        point: path(fields[4]),
        kind: text(fields.get(dash + 1)?),
        source: text(fields.get(dash + 2)?),
        upper: options.filter_map(|option| option.strip_prefix(b"upperdir=")).map(path).next(),
    })
}

/// Where the files of the process with this mount table are; `None` where that is the host's own file
/// system, or a folder in one.
pub(super) fn root(table: &[Mount], host: &[Mount]) -> Option<Root> {
    // The last one covers those before it.
    let root = table.iter().rfind(|mount| mount.point == Path::new("/"))?;
    if let Some(upper) = &root.upper {
        // Relative to where the runtime was when it mounted it: nobody can tell.
        return upper.is_absolute().then(|| Root::Layer(upper.clone()));
    }
    let hosts_own = host.iter().any(|m| m.device == root.device && m.point == Path::new("/"));
    // A btrfs tells only of all its subvolumes together.
    let whole = root.root == Path::new("/") && root.kind != "btrfs";
    (root.is_local() && whole && !hosts_own).then(|| Root::Own(root.source.clone()))
}

/// What the file system that holds `path` is mounted from.
pub(super) fn source<'a>(path: &Path, host: &'a [Mount]) -> Option<&'a str> {
    let holding = host.iter().filter(|mount| path.starts_with(&mount.point));
    let nearest = holding.max_by_key(|mount| mount.point.components().count())?;
    Some(&nearest.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOST: &str = "\
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 27 8:2 / /var/lib/docker rw - xfs /dev/sdb1 rw,prjquota
31 27 0:40 / /tank/subvol-101 rw - zfs tank/subvol-101 rw
";

    fn of(line: &str) -> Option<Root> {
        root(&parse(line.as_bytes()), &parse(HOST.as_bytes()))
    }

    #[test]
    fn roots_are_told_apart() {
        let overlay = "600 500 0:50 / / rw,relatime master:9 - overlay overlay rw,lowerdir=/a:/b,upperdir=/var/lib/docker/overlay2/x\\040y/diff,workdir=/w\n";
        let layer = PathBuf::from("/var/lib/docker/overlay2/x y/diff");
        assert_eq!(of(overlay), Some(Root::Layer(layer.clone())));
        assert_eq!(source(&layer, &parse(HOST.as_bytes())), Some("/dev/sdb1"));
        assert_eq!(of(&overlay.replace("upperdir=/var", "upperdir=var")), None);
        let own = "600 500 0:40 / / rw - zfs tank/subvol-101 rw\n";
        assert_eq!(of(own), Some(Root::Own("tank/subvol-101".into())));
        for shared in [
            "600 500 8:1 /var/lib/lxc/web/rootfs / rw - ext4 /dev/sda1 rw\n",
            "600 500 8:1 / / rw - ext4 /dev/sda1 rw\n",
            "600 500 0:60 / / rw - tmpfs tmpfs rw\n",
            "600 500 8:9 / /data rw - ext4 /dev/sdz rw\n",
        ] {
            assert_eq!(of(shared), None, "{shared}");
        }
    }

    proptest! {
        #[test]
        fn any_table_is_survived(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let table = parse(&text);
            let _ = root(&table, &table);
        }

        #[test]
        fn any_line_like_text_is_survived(words in prop::collection::vec("[-/a-z0-9,=\\\\]{0,6}", 0..16)) {
            let _ = parse(words.join(" ").as_bytes());
        }
    }
}
