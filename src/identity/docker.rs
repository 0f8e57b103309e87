//! Docker: the name, image and labels of a container are in `config.v2.json` below the data root, which
//! the engine writes again on every change.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Identity, Runtime, base, is_container_id};
use crate::units::Timestamp;

/// Names Docker's containers.
#[derive(Debug)]
pub(super) struct Names {
    containers: PathBuf,
    /// What each container's file was when it was last looked at.
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    version: Option<Version>,
    problem: Option<String>,
}

/// Tells one content of a file from the next: inode, modification time, size.
type Version = (u64, i64, i64, u64);

/// What we read of `config.v2.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    name: Option<String>,
    config: Option<Config>,
    state: Option<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    started_at: Option<String>,
}

/// What we read of `daemon.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Daemon {
    data_root: Option<PathBuf>,
}

impl Names {
    pub(super) fn new(rootfs: &Path) -> Self {
        let data_root = fs::read(rootfs.join("etc/docker/daemon.json"))
            .ok()
            .and_then(|text| serde_json::from_slice::<Daemon>(&text).ok())
            .and_then(|daemon| daemon.data_root)
            .unwrap_or_else(|| PathBuf::from("/var/lib/docker"));
        let inside = data_root.strip_prefix("/").unwrap_or(&data_root);
        Self { containers: rootfs.join(inside).join("containers"), seen: HashMap::new() }
    }

    /// `docker-ID.scope` is the systemd driver's, `/docker/ID` the other's. With a parent of the user's
    /// own, an id counts where Docker has a container of that id.
    pub(super) fn identify(&mut self, path: &str) -> Option<Identity> {
        let base = base(path);
        let scope = base.strip_prefix("docker-").and_then(|rest| rest.strip_suffix(".scope"));
        let id = scope.unwrap_or(base);
        if !is_container_id(id) {
            return None;
        }
        let own_parent = path.strip_suffix(id).is_some_and(|parent| parent.ends_with("/docker/"));
        if scope.is_none() && !own_parent && !self.file(id).exists() {
            return None;
        }
        let mut identity = Identity::new(Runtime::Docker, Some(id));
        // A cgroup made again knows nothing yet, though the file may be the one read before.
        self.seen.remove(id);
        self.refresh(&mut identity);
        Some(identity)
    }

    fn file(&self, id: &str) -> PathBuf {
        self.containers.join(id).join("config.v2.json")
    }

    pub(super) fn refresh(&mut self, identity: &mut Identity) -> bool {
        let Some(id) = identity.key.clone() else { return false };
        let path = self.file(&id);
        let metadata = fs::metadata(&path);
        let version = metadata.as_ref().ok().map(version);
        if self.seen.get(&id).is_some_and(|seen| seen.version == version) {
            return false;
        }
        let (changed, problem) = match metadata.and_then(|_| fs::read(&path)) {
            Ok(text) => match parse(&text) {
                Ok(file) => (apply(file, identity), None),
                Err(error) => (false, Some(format!("{}: {error}", path.display()))),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => (false, None),
            Err(error) => (false, Some(format!("{}: {error}", path.display()))),
        };
        self.seen.insert(id, Seen { version, problem });
        changed
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.seen.remove(id);
    }

    pub(super) fn missing_details(&self) -> Vec<String> {
        let mut problems: Vec<&String> =
            self.seen.values().filter_map(|seen| seen.problem.as_ref()).collect();
        problems.sort_unstable();
        let Some(example) = problems.first() else { return Vec::new() };
        vec![format!(
            "names and images of {} Docker containers are left out: {example}",
            problems.len()
        )]
    }
}

fn version(metadata: &Metadata) -> Version {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size())
}

fn parse(text: &[u8]) -> Result<File, serde_json::Error> {
    serde_json::from_slice(text)
}

/// Takes over what the file says; `true` where that is something new.
fn apply(file: File, identity: &mut Identity) -> bool {
    let (image, labels) = match file.config {
        Some(config) => (config.image, config.labels.unwrap_or_default()),
        None => (None, BTreeMap::new()),
    };
    let next = Identity {
        name: file.name.map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned()),
        image: image.filter(|image| !image.is_empty()),
        labels,
        started: file.state.and_then(|s| s.started_at).and_then(|text| started(&text)),
        ..identity.clone()
    };
    let changed = next != *identity;
    *identity = next;
    changed
}

/// Docker writes the year 1 for a container that never ran.
fn started(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    (at.as_second() > 0).then(|| Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn write(root: &Path, name: &str) {
        let dir = root.join("var/lib/docker/containers").join(ID);
        fs::create_dir_all(&dir).expect("mkdir");
        let text = format!(
            r#"{{"ID":"{ID}","Name":"/{name}","State":{{"Pid":7,"StartedAt":"2026-01-02T03:04:05.678901Z"}},
            "Config":{{"Image":"busybox:1","Labels":{{"com.docker.compose.project":"shop"}}}}}}"#
        );
        fs::write(dir.join("config.v2.json"), text).expect("write");
    }

    #[test]
    fn a_container_is_named_from_its_file_and_renamed() {
        let root = tempfile::tempdir().expect("tempdir");
        write(root.path(), "web");
        let mut names = Names::new(root.path());
        let mut identity =
            names.identify(&format!("/system.slice/docker-{ID}.scope")).expect("docker");
        assert_eq!(identity.name.as_deref(), Some("web"));
        assert_eq!(identity.image.as_deref(), Some("busybox:1"));
        assert_eq!(identity.labels["com.docker.compose.project"], "shop");
        assert_eq!(identity.started, Some(Timestamp::from_millis(1_767_323_045_678)));
        assert!(!names.refresh(&mut identity));
        write(root.path(), "shop-web-1");
        assert!(names.refresh(&mut identity));
        assert_eq!(identity.name.as_deref(), Some("shop-web-1"));
    }

    #[test]
    fn a_parent_of_the_users_own_counts_where_docker_knows_the_id() {
        let root = tempfile::tempdir().expect("tempdir");
        let path = format!("/my.slice/{ID}");
        assert!(Names::new(root.path()).identify(&path).is_none());
        write(root.path(), "web");
        assert!(Names::new(root.path()).identify(&path).is_some());
    }

    #[test]
    fn the_data_root_may_be_moved() {
        let root = tempfile::tempdir().expect("tempdir");
        write(root.path(), "web");
        fs::create_dir_all(root.path().join("etc/docker")).expect("mkdir");
        fs::create_dir_all(root.path().join("srv")).expect("mkdir");
        fs::rename(root.path().join("var/lib/docker"), root.path().join("srv/dd")).expect("move");
        fs::write(root.path().join("etc/docker/daemon.json"), r#"{"data-root":"/srv/dd"}"#)
            .expect("write");
        let identity = Names::new(root.path()).identify(&format!("/docker/{ID}")).expect("docker");
        assert_eq!(identity.name.as_deref(), Some("web"));
    }

    #[test]
    fn a_broken_file_costs_the_name_and_is_told() {
        let root = tempfile::tempdir().expect("tempdir");
        write(root.path(), "web");
        let file = root.path().join("var/lib/docker/containers").join(ID).join("config.v2.json");
        fs::write(&file, r#"{"Name": "/we"#).expect("write");
        let mut names = Names::new(root.path());
        let mut identity = names.identify(&format!("/docker/{ID}")).expect("docker");
        assert_eq!(identity.name, None);
        let missing = names.missing_details();
        assert!(missing[0].contains("config.v2.json"), "{missing:?}");
        write(root.path(), "web");
        assert!(names.refresh(&mut identity));
        assert_eq!(identity.name.as_deref(), Some("web"));
        assert_eq!(names.missing_details(), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_file_is_parsed_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn any_start_is_a_time_or_nothing(text in ".{0,40}") {
            let _ = started(&text);
        }
    }
}
