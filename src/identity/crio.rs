//! CRI-O: everything is in the annotations of the container's `config.json`, which lies in the run root
//! of the storage that it shares with Podman and does not change while the container runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::file::{self, Problems};
use super::kubernetes;
use super::oci::{self, Annotations, take};
use super::path::{Leaf, base};
use super::{Identity, Runtime};

pub(super) fn identify(leaf: Leaf) -> Option<Identity> {
    (leaf.prefix == "crio").then(|| Identity::new(Runtime::Crio, Some(leaf.id)))
}

/// The monitors of containers.
pub(super) fn is_ignored(path: &str) -> bool {
    base(path).starts_with("crio-conmon-")
}

/// Reads what CRI-O left about a container. `folders` are where the storage may keep containers.
/// `true` where that is all that is to be known.
pub(super) fn read(folders: &[PathBuf], identity: &mut Identity, problems: &mut Problems) -> bool {
    let Some(id) = identity.key.clone() else { return true };
    let Some(bundle) = folders
        .iter()
        .map(|f| f.join(&id).join("userdata"))
        .find(|f| f.join("config.json").exists())
    else {
        return told_if_closed(folders, identity, problems);
    };
    let config = bundle.join("config.json");
    match oci::read(&config) {
        Ok(None) => false,
        Ok(Some(annotations)) => {
            problems.clear(identity);
            apply(annotations, identity);
            identity.pid = file::number(&bundle.join("pidfile"));
            identity.pid.is_some()
        }
        Err(error) => {
            problems.note(identity, &config, error);
            false
        }
    }
}

/// The folders are closed to ordinary users, and so look empty.
fn told_if_closed(folders: &[PathBuf], identity: &Identity, problems: &mut Problems) -> bool {
    let closed = folders.iter().find_map(|folder| {
        let error = folder.join("x").symlink_metadata().err()?;
        (!file::is_absent(&error)).then_some((folder, error))
    });
    if let Some((folder, error)) = closed {
        problems.note(identity, folder, error);
    }
    false
}

fn apply(mut notes: Annotations, identity: &mut Identity) {
    let mut note = |name: &str| take(&mut notes, &format!("io.kubernetes.cri-o.{name}"));
    identity.name = note("Name");
    let asked = note("Image");
    identity.image = note("ImageName").or(asked);
    identity.image_id = note("ImageRef");
    identity.created = note("Created").and_then(|text| file::time(&text));
    let labels: BTreeMap<String, String> =
        note("Labels").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    kubernetes::apply_labels(&labels, identity);
    identity.labels = labels;
    let namespace = note("Namespace");
    identity.namespace = identity.namespace.take().or(namespace);
    if note("ContainerType").as_deref() == Some("sandbox") {
        let pod = note("KubeName");
        identity.pod = identity.pod.take().or(pod);
        identity.container = Some("POD".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sandbox_is_the_container_named_pod() {
        let notes = [
            ("Name", "k8s_web_shop_uid_0"),
            ("ContainerType", "sandbox"),
            ("KubeName", "web"),
            ("Namespace", "shop"),
            ("Image", "pause:1"),
        ];
        let notes = notes.map(|(k, v)| (format!("io.kubernetes.cri-o.{k}"), v.to_owned()));
        let mut identity = Identity::new(Runtime::Crio, Some("id"));
        apply(notes.into(), &mut identity);
        let found = [&identity.pod, &identity.namespace, &identity.container, &identity.image];
        assert_eq!(found.map(|f| f.as_deref().unwrap_or("")), ["web", "shop", "POD", "pause:1"]);
    }

    #[test]
    fn a_closed_folder_is_told() {
        let dir = tempfile::tempdir().expect("tempdir");
        // A link to itself, as root may enter everything else.
        let closed = dir.path().join("overlay-containers");
        std::os::unix::fs::symlink(&closed, &closed).expect("symlink");
        let mut identity = Identity::new(Runtime::Crio, Some("id"));
        let mut problems = Problems::default();
        assert!(!read(&[dir.path().join("none")], &mut identity, &mut problems));
        assert_eq!(problems.sentences(), Vec::<String>::new());
        assert!(!read(std::slice::from_ref(&closed), &mut identity, &mut problems));
        let told = problems.sentences();
        assert!(told[0].contains(&closed.display().to_string()), "{told:?}");
    }

    proptest! {
        #[test]
        fn any_notes_are_taken(labels in ".{0,60}", created in ".{0,30}", kind in "sandbox|container|") {
            let notes = [("Labels", labels), ("Created", created), ("ContainerType", kind)];
            let notes = notes.map(|(k, v)| (format!("io.kubernetes.cri-o.{k}"), v));
            apply(notes.into(), &mut Identity::new(Runtime::Crio, Some("id")));
        }
    }
}
