//! Docker: the name, image and labels of a container are in `config.v2.json` below the data root, which
//! the engine writes again on every change.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{self, Problems, Watch, inside};
use super::kubernetes;
use super::path::{Leaf, parent, user};
use super::users::Users;
use super::{Health, Identity, Runtime};

/// Names the containers of the host's engine, and of the engines that users run for themselves.
#[derive(Debug)]
pub(super) struct Names {
    rootfs: PathBuf,
    /// The host's folder of containers.
    containers: PathBuf,
    /// The folders of users.
    rootless: HashMap<u32, PathBuf>,
}

/// What we read of `config.v2.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    name: Option<String>,
    config: Option<Config>,
    state: Option<State>,
    image: Option<String>,
    created: Option<String>,
    restart_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    pid: Option<u32>,
    started_at: Option<String>,
    health: Option<HealthState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthState {
    status: Option<String>,
}

/// What we read of `daemon.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Daemon {
    data_root: Option<PathBuf>,
}

impl Names {
    pub(super) fn new(rootfs: &Path) -> Self {
        let data_root = data_root(rootfs, &rootfs.join("etc/docker/daemon.json"))
            .unwrap_or_else(|| rootfs.join("var/lib/docker"));
        Self {
            rootfs: rootfs.to_owned(),
            containers: data_root.join("containers"),
            rootless: HashMap::new(),
        }
    }

    /// `docker-ID.scope` is the systemd driver's, `/docker/ID` the other's, `/ecs/…/ID` that of Amazon's
    /// agent. With a parent of the user's own, an id counts where Docker has a container of that id.
    pub(super) fn identify(
        &mut self,
        path: &str,
        leaf: Leaf,
        users: &mut Users,
    ) -> Option<Identity> {
        let user = user(path);
        let containers = self.folder(user, users);
        let file = containers.map(|folder| folder.join(leaf.id).join("config.v2.json"));
        let known = match leaf.prefix {
            "docker" => true,
            "" => {
                parent(path) == "docker"
                    || path.starts_with("/ecs/")
                    || file.as_ref().is_some_and(|file| file.exists())
            }
            _ => false,
        };
        known.then(|| {
            let mut identity = Identity::new(Runtime::Docker, Some(leaf.id));
            identity.user = user;
            identity.watch = file.map(Watch::new);
            identity
        })
    }

    fn folder(&mut self, user: Option<u32>, users: &mut Users) -> Option<&Path> {
        let Some(uid) = user else { return Some(&self.containers) };
        if !self.rootless.contains_key(&uid) {
            let home = users.home(uid)?;
            let data_root = data_root(&self.rootfs, &home.join(".config/docker/daemon.json"))
                .unwrap_or_else(|| home.join(".local/share/docker"));
            self.rootless.insert(uid, data_root.join("containers"));
        }
        self.rootless.get(&uid).map(PathBuf::as_path)
    }
}

fn data_root(rootfs: &Path, daemon_json: &Path) -> Option<PathBuf> {
    let text = file::read(daemon_json).ok()??;
    let daemon: Daemon = serde_json::from_slice(&text).ok()?;
    daemon.data_root.map(|path| inside(rootfs, &path))
}

/// Reads the container's file where it changed; `true` where that brought something new.
pub(super) fn refresh(identity: &mut Identity, problems: &mut Problems) -> bool {
    let Some(watch) = &mut identity.watch else {
        if let Some(uid) = identity.user.filter(|_| identity.attempts > 0) {
            identity.attempts = 0;
            problems.tell(identity, format!("user {uid} is not in /etc/passwd"));
        }
        return false;
    };
    if !watch.changed() {
        return false;
    }
    let parsed = match watch.read() {
        Ok(Some(text)) => parse(&text).map(Some).map_err(|error| error.to_string()),
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    };
    match parsed {
        Ok(found) => {
            problems.clear(identity);
            found.is_some_and(|file| apply(file, identity))
        }
        Err(error) => {
            if let Some(watch) = &identity.watch {
                problems.note(identity, watch.path(), error);
            }
            false
        }
    }
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
    let state = file.state.unwrap_or_default();
    let mut next = Identity {
        name: file.name.map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned()),
        image: image.filter(|image| !image.is_empty()),
        image_id: file.image.filter(|image| !image.is_empty()),
        pid: state.pid.filter(|pid| *pid != 0),
        created: file.created.and_then(|text| file::time(&text)),
        started: state.started_at.and_then(|text| file::time(&text)),
        health: Some(health(state.health)),
        restarts: file.restart_count,
        ..identity.clone()
    };
    kubernetes::apply_labels(&labels, &mut next);
    next.labels = labels;
    let changed = next != *identity;
    *identity = next;
    changed
}

fn health(health: Option<HealthState>) -> Health {
    match health.and_then(|health| health.status).as_deref() {
        Some("healthy") => Health::Healthy,
        Some("unhealthy") => Health::Unhealthy,
        Some("starting") => Health::Starting,
        _ => Health::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Names;
    use super::*;
    use crate::units::Timestamp;
    use proptest::prelude::*;
    use std::fs;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn write(root: &Path, name: &str) {
        let dir = root.join("var/lib/docker/containers").join(ID);
        fs::create_dir_all(&dir).expect("mkdir");
        let text = format!(
            r#"{{"ID":"{ID}","Name":"/{name}","Created":"2026-01-02T03:04:05Z","RestartCount":3,
            "State":{{"Pid":7,"StartedAt":"2026-01-02T03:04:05.678901Z","Health":{{"Status":"unhealthy"}}}},
            "Config":{{"Image":"busybox:1","Labels":{{"com.docker.compose.project":"shop"}}}}}}"#
        );
        fs::write(dir.join("config.v2.json"), text).expect("write");
    }

    #[test]
    fn a_container_is_named_from_its_file_and_renamed() {
        let root = tempfile::tempdir().expect("tempdir");
        write(root.path(), "web");
        let mut names = Names::new(root.path());
        let mut identity = names.identify(&format!("/system.slice/docker-{ID}.scope"));
        assert_eq!(identity.name.as_deref(), Some("web"));
        assert_eq!(identity.image.as_deref(), Some("busybox:1"));
        assert_eq!(identity.labels["com.docker.compose.project"], "shop");
        assert_eq!(identity.created, Some(Timestamp::from_millis(1_767_323_045_000)));
        assert_eq!(identity.started, Some(Timestamp::from_millis(1_767_323_045_678)));
        assert_eq!((identity.pid, identity.restarts), (Some(7), Some(3)));
        assert_eq!(identity.health, Some(Health::Unhealthy));
        assert!(!names.refresh(&mut identity));
        write(root.path(), "shop-web-1");
        assert!(names.refresh(&mut identity));
        assert_eq!(identity.name.as_deref(), Some("shop-web-1"));
    }

    #[test]
    fn a_parent_of_the_users_own_counts_where_docker_knows_the_id() {
        let root = tempfile::tempdir().expect("tempdir");
        let path = format!("/my.slice/{ID}");
        assert_eq!(Names::new(root.path()).identify(&path).runtime, Runtime::Raw);
        write(root.path(), "web");
        assert_eq!(Names::new(root.path()).identify(&path).runtime, Runtime::Docker);
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
        let identity = Names::new(root.path()).identify(&format!("/docker/{ID}"));
        assert_eq!(identity.name.as_deref(), Some("web"));
    }

    #[test]
    fn a_broken_file_costs_the_name_and_is_told() {
        let root = tempfile::tempdir().expect("tempdir");
        write(root.path(), "web");
        let file = root.path().join("var/lib/docker/containers").join(ID).join("config.v2.json");
        fs::write(&file, r#"{"Name": "/we"#).expect("write");
        let mut names = Names::new(root.path());
        let mut identity = names.identify(&format!("/docker/{ID}"));
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
    }
}
