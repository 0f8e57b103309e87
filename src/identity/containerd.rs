//! containerd, by itself, under nerdctl and under Kubernetes: the bundle of a running container is a
//! folder below the state directory, named by namespace and id, and does not change while it runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{self, Problems, Watch, inside};
use super::oci::{self, take};
use super::path::{Leaf, parent};
use super::{Identity, Runtime};

/// Where the state directory is, besides what `config.toml` says.
const STATES: [&str; 4] = [
    "/run/containerd",
    "/run/k3s/containerd",
    "/run/k0s/containerd",
    "/var/snap/microk8s/common/run/containerd",
];

const CONFIGS: [&str; 3] = [
    "etc/containerd/config.toml",
    "etc/k0s/containerd.toml",
    "var/lib/rancher/k3s/agent/etc/containerd/config.toml",
];

/// Below a state directory: the running containers, by namespace.
const TASKS: &str = "io.containerd.runtime.v2.task";

/// The namespace of Kubernetes.
const KUBERNETES: &str = "k8s.io";

/// The namespaces that are looked in where the path names none: Kubernetes', ctr's and nerdctl's.
const NAMESPACES: [&str; 2] = [KUBERNETES, "default"];

/// What we read of `config.toml`.
#[derive(Debug, Default, Deserialize)]
struct Config {
    state: Option<PathBuf>,
    #[serde(default)]
    plugins: toml::Table,
}

impl Config {
    /// The image of the containers that hold a pod's namespaces. Its place moved with each version of
    /// the file.
    fn sandbox_image(&self) -> Option<String> {
        let places: [&[&str]; 3] = [
            &["io.containerd.cri.v1.images", "pinned_images", "sandbox"],
            &["io.containerd.grpc.v1.cri", "sandbox_image"],
            &["cri", "sandbox_image"],
        ];
        places.iter().find_map(|place| {
            let (last, tables) = place.split_last()?;
            let table =
                tables.iter().try_fold(&self.plugins, |table, key| table.get(*key)?.as_table())?;
            Some(table.get(*last)?.as_str()?.to_owned())
        })
    }
}

/// Names containerd's containers.
#[derive(Debug)]
pub(super) struct Names {
    /// The folders of running containers.
    tasks: Vec<PathBuf>,
    sandbox_image: Option<String>,
}

impl Names {
    pub(super) fn new(rootfs: &Path) -> Self {
        let configs: Vec<Config> = CONFIGS
            .iter()
            .filter_map(|path| file::read(&rootfs.join(path)).ok().flatten())
            .filter_map(|text| toml::from_slice(&text).ok())
            .collect();
        let states = STATES.iter().map(Path::new);
        let tasks = configs
            .iter()
            .filter_map(|config| config.state.as_deref())
            .chain(states)
            .map(|state| inside(rootfs, state).join(TASKS))
            .collect();
        Self { tasks, sandbox_image: configs.iter().find_map(Config::sandbox_image) }
    }

    /// Containers whose name in the path is an id: Kubernetes' where the path has a pod, nerdctl's,
    /// and those of a namespace that the path names.
    pub(super) fn identify(&self, path: &str, leaf: Leaf, in_pod: bool) -> Option<Identity> {
        let known = match leaf.prefix {
            "cri-containerd" | "nerdctl" => true,
            "" => in_pod,
            _ => return None,
        };
        if known {
            return Some(self.identity(leaf.id, self.find(leaf.id)));
        }
        let bundle = self.bundle(parent(path), leaf.id)?;
        Some(self.identity(leaf.id, Some(bundle)))
    }

    /// Containers with an id of the user's choice: `/NAMESPACE/ID`, where there is such a container.
    pub(super) fn identify_short(&self, path: &str) -> Option<Identity> {
        let (namespace, id) = path.strip_prefix('/')?.split_once('/')?;
        if namespace.is_empty() || id.is_empty() || id.contains('/') {
            return None;
        }
        let bundle = self.bundle(namespace, id)?;
        Some(self.identity(id, Some(bundle)))
    }

    fn identity(&self, id: &str, bundle: Option<PathBuf>) -> Identity {
        let mut identity = Identity::new(Runtime::Containerd, Some(id));
        // As in cAdvisor, until the bundle tells a better one.
        identity.name = Some(id.to_owned());
        identity.watch = bundle.map(|bundle| Watch::new(bundle.join("config.json")));
        identity
    }

    fn find(&self, id: &str) -> Option<PathBuf> {
        NAMESPACES.iter().find_map(|namespace| self.bundle(namespace, id))
    }

    fn bundle(&self, namespace: &str, id: &str) -> Option<PathBuf> {
        self.tasks.iter().map(|tasks| tasks.join(namespace).join(id)).find(|bundle| bundle.is_dir())
    }

    /// Reads what containerd left about a container; `true` where that is all that is to be known.
    pub(super) fn read(&self, identity: &mut Identity, problems: &mut Problems) -> bool {
        let known = identity.watch.as_ref().map(|watch| watch.path().with_file_name(""));
        let found = || self.find(identity.key.as_deref()?);
        let Some(bundle) = known.or_else(found) else { return false };
        identity.pid = file::number(&bundle.join("init.pid"));
        let config = bundle.join("config.json");
        match oci::read(&config) {
            Ok(None) => false,
            Ok(Some(annotations)) => {
                problems.clear(identity);
                self.apply(annotations, identity);
                identity.pid.is_some()
            }
            Err(error) => {
                problems.note(identity, &config, error);
                false
            }
        }
    }

    /// Takes over the notes of the plugin for Kubernetes, and of nerdctl.
    fn apply(&self, mut notes: oci::Annotations, identity: &mut Identity) {
        if let Some(name) = take(&mut notes, "nerdctl/name") {
            identity.name = Some(name);
        }
        let Some(kind) = take(&mut notes, "io.kubernetes.cri.container-type") else { return };
        identity.pod = take(&mut notes, "io.kubernetes.cri.sandbox-name");
        identity.namespace = take(&mut notes, "io.kubernetes.cri.sandbox-namespace");
        identity.pod_uid =
            identity.pod_uid.take().or_else(|| take(&mut notes, "io.kubernetes.cri.sandbox-uid"));
        identity.container = take(&mut notes, "io.kubernetes.cri.container-name");
        identity.image = take(&mut notes, "io.kubernetes.cri.image-name");
        if kind == "sandbox" {
            identity.image = identity.image.take().or_else(|| self.sandbox_image.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sandbox_image_is_found_in_every_version_of_the_file() {
        let files = [
            "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'pause:1'\n",
            "[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"pause:1\"\n",
            "[plugins.cri]\nsandbox_image = \"pause:1\"\n",
        ];
        for file in files {
            let config: Config = toml::from_str(file).expect(file);
            assert_eq!(config.sandbox_image().as_deref(), Some("pause:1"), "{file}");
        }
        let config: Config =
            toml::from_str("state = '/s'\n[plugins.cri]\nsandbox_image = 1\n").expect("TOML");
        assert_eq!((config.sandbox_image(), config.state), (None, Some("/s".into())));
    }

    proptest! {
        #[test]
        fn any_configuration_is_parsed_or_refused(text in r#"([\[\]"=a-z. \n']|plugins|cri|sandbox_image){0,40}"#) {
            if let Ok(config) = toml::from_str::<Config>(&text) {
                let _ = config.sandbox_image();
            }
        }
    }
}
