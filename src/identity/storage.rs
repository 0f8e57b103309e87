//! Where `containers/storage`, which Podman and CRI-O keep their containers in, has its folders.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{self, inside};
use super::users::Users;

/// The storage drivers: a folder of containers is named after the driver in use.
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// What we read of `storage.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct File {
    #[serde(default)]
    storage: Config,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Config {
    graphroot: Option<String>,
    runroot: Option<String>,
    rootless_storage_path: Option<String>,
}

/// The folders of one storage, the system's or a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    graph_root: PathBuf,
    run_root: PathBuf,
}

impl Storage {
    /// The system's: root's Podman, and CRI-O.
    pub(super) fn of_system(rootfs: &Path) -> Self {
        let config = system(rootfs);
        let path = |set: &Option<String>, default: &str| {
            inside(rootfs, Path::new(set.as_deref().unwrap_or(default)))
        };
        Self {
            graph_root: path(&config.graphroot, "/var/lib/containers/storage"),
            run_root: path(&config.runroot, "/run/containers/storage"),
        }
    }

    /// That of user `uid`; `None` where the host does not know the user.
    pub(super) fn of_user(rootfs: &Path, uid: u32, users: &mut Users) -> Option<Self> {
        let home = users.home(uid)?;
        let own = parse(&home.join(".config/containers/storage.conf"));
        let expand = |path: String| expand(&path, rootfs, &home, uid);
        let shared = system(rootfs).rootless_storage_path;
        let graph_root = own.graphroot.or(shared).and_then(expand);
        let run_root = own.runroot.and_then(expand);
        Some(Self {
            graph_root: graph_root.unwrap_or_else(|| home.join(".local/share/containers/storage")),
            run_root: run_root.unwrap_or_else(|| rootfs.join(format!("run/user/{uid}/containers"))),
        })
    }

    /// The lists of containers. Those of containers that are removed when they end are in a file of
    /// their own, which may be in the run root.
    pub(super) fn lists(&self) -> Vec<PathBuf> {
        let graph = folders(&self.graph_root);
        let lasting = graph.iter().map(|folder| folder.join("containers.json"));
        let volatile = graph.iter().cloned().chain(folders(&self.run_root));
        lasting.chain(volatile.map(|folder| folder.join("volatile-containers.json"))).collect()
    }

    /// The folders of running containers.
    pub(super) fn running(&self) -> Vec<PathBuf> {
        folders(&self.run_root)
    }
}

/// Of the folders that the drivers may have made, those that are there, or may be: a closed one
/// has to be told.
fn folders(root: &Path) -> Vec<PathBuf> {
    DRIVERS
        .iter()
        .map(|driver| root.join(format!("{driver}-containers")))
        .filter(|folder| match folder.metadata() {
            Ok(found) => found.is_dir(),
            Err(error) => !file::is_absent(&error),
        })
        .collect()
}

/// The system's settings; where there are none, those that the distribution brings.
fn system(rootfs: &Path) -> Config {
    let own = rootfs.join("etc/containers/storage.conf");
    if own.exists() {
        parse(&own)
    } else {
        parse(&rootfs.join("usr/share/containers/storage.conf"))
    }
}

/// What is set in the file; nothing where it is missing or broken, as then Podman does not run either.
fn parse(path: &Path) -> Config {
    let text = file::read(path).ok().flatten().unwrap_or_default();
    let file: File = toml::from_slice(&text).unwrap_or_default();
    let set = |value: Option<String>| value.filter(|value| !value.is_empty());
    Config {
        graphroot: set(file.storage.graphroot),
        runroot: set(file.storage.runroot),
        rootless_storage_path: set(file.storage.rootless_storage_path),
    }
}

/// Puts in the variables that `storage.conf` may use; `None` where it uses others.
fn expand(path: &str, rootfs: &Path, home: &Path, uid: u32) -> Option<PathBuf> {
    let uid = uid.to_string();
    let name = home.file_name()?.to_str()?;
    let path = path.replace("$UID", &uid).replace("$USER", name);
    let path = match path.strip_prefix("$HOME") {
        Some(rest) => home.join(rest.trim_start_matches('/')),
        None => inside(rootfs, Path::new(&path)),
    };
    (!path.to_string_lossy().contains('$')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }

    fn roots(storage: &Storage, root: &Path) -> [String; 2] {
        [&storage.graph_root, &storage.run_root]
            .map(|path| path.strip_prefix(root).expect("inside").display().to_string())
    }

    #[test]
    fn roots_follow_the_settings() {
        let dir = tempfile::tempdir().expect("tempdir");
        let root = dir.path();
        write(root, "etc/passwd", "ada:x:1000:1000::/home/ada:/bin/sh\n");
        let user = || Storage::of_user(root, 1000, &mut Users::new(root)).expect("known");
        let system = || roots(&Storage::of_system(root), root);
        assert_eq!(system(), ["var/lib/containers/storage", "run/containers/storage"]);
        let default = ["home/ada/.local/share/containers/storage", "run/user/1000/containers"];
        assert_eq!(roots(&user(), root), default);

        write(root, "usr/share/containers/storage.conf", "[storage]\ngraphroot = '/usr/wrong'\n");
        assert_eq!(system()[0], "usr/wrong");
        let conf = "[storage]\ngraphroot = '/srv/pods'\nrunroot = ''\nrootless_storage_path = '/srv/$USER-$UID'\n[storage.options]\nx = []\n";
        write(root, "etc/containers/storage.conf", conf);
        assert_eq!(system(), ["srv/pods", "run/containers/storage"]);
        assert_eq!(roots(&user(), root), ["srv/ada-1000", "run/user/1000/containers"]);

        let own = "[storage]\ngraphroot = '$HOME/pods'\nrunroot = '/tmp/run-$UID'\n";
        write(root, "home/ada/.config/containers/storage.conf", own);
        assert_eq!(roots(&user(), root), ["home/ada/pods", "tmp/run-1000"]);
        let odd = "[storage]\ngraphroot = '$XDG_DATA_HOME/pods'\n";
        write(root, "home/ada/.config/containers/storage.conf", odd);
        assert_eq!(roots(&user(), root), default, "a variable that is not ours");
        assert_eq!(Storage::of_user(root, 1001, &mut Users::new(root)), None);
    }

    #[test]
    fn lists_are_looked_for_under_every_driver() {
        let dir = tempfile::tempdir().expect("tempdir");
        let storage = Storage::of_system(dir.path());
        assert_eq!(storage.lists(), Vec::<PathBuf>::new());
        fs::create_dir_all(storage.graph_root.join("vfs-containers")).expect("mkdir");
        fs::create_dir_all(storage.run_root.join("vfs-containers")).expect("mkdir");
        let lists = [
            storage.graph_root.join("vfs-containers/containers.json"),
            storage.graph_root.join("vfs-containers/volatile-containers.json"),
            storage.run_root.join("vfs-containers/volatile-containers.json"),
        ];
        assert_eq!(storage.lists(), lists);
    }

    proptest! {
        #[test]
        fn any_settings_are_read(text in r#"(\[storage\]|graphroot|runroot|=|"|'|\$HOME|/a|\n){0,20}"#) {
            let dir = tempfile::tempdir().expect("tempdir");
            let path = dir.path().join("storage.conf");
            fs::write(&path, text).expect("write");
            let config = parse(&path);
            prop_assert_ne!(config.graphroot, Some(String::new()));
        }

        #[test]
        fn any_path_is_expanded(path in r"(\$HOME|\$UID|\$USER|\$|/|a){0,8}") {
            let home = Path::new("/r/home/ada");
            if let Some(path) = expand(&path, Path::new("/r"), home, 7) {
                prop_assert!(path.starts_with("/r") && !path.display().to_string().contains('$'));
            }
        }
    }
}
