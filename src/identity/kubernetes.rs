//! Kubernetes, whatever runs its containers: the pod's uid is in the path, and the kubelet's folders of
//! logs, which everybody may list, name pods and containers.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use super::file::{Problems, Watch, is_absent};
use super::path::{Leaf, base, parent};
use super::{Identity, Runtime};

/// A pod's own cgroup. It has neither name nor image: its containers have.
pub(super) fn identify(path: &str) -> Option<Identity> {
    let uid = pod_uid(path, base(path))?;
    let mut identity = Identity::new(Runtime::Kubernetes, Some(&uid));
    identity.pod_uid = Some(uid);
    Some(identity)
}

/// The uid of the pod that a container's cgroup belongs to.
pub(super) fn pod_of(path: &str, leaf: Leaf) -> Option<String> {
    pod_uid(path, leaf.slice.unwrap_or_else(|| parent(path)))
}

/// `kubepods-QOS-podUID.slice` of the systemd driver, with `_` for `-` in the uid and any prefix, such
/// as kind's `kubelet-`; `podUID` below `kubepods` of the other driver. A pod from a file on the node
/// has a hash for its uid.
fn pod_uid(path: &str, part: &str) -> Option<String> {
    let uid = match part.strip_suffix(".slice") {
        Some(slice) => slice.split_once("kubepods")?.1.rsplit_once("-pod")?.1.replace('_', "-"),
        None => {
            path.split('/').find(|part| *part == "kubepods")?;
            part.strip_prefix("pod")?.to_owned()
        }
    };
    let plausible = matches!(uid.len(), 32 | 36);
    (plausible && uid.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))).then_some(uid)
}

/// Takes over the labels that the kubelet gives to every container of Docker and CRI-O.
pub(super) fn apply_labels(labels: &BTreeMap<String, String>, identity: &mut Identity) {
    let label = |name: &str| labels.get(name).filter(|value| !value.is_empty()).cloned();
    identity.pod = label("io.kubernetes.pod.name");
    identity.namespace = label("io.kubernetes.pod.namespace");
    identity.container = label("io.kubernetes.container.name");
    identity.pod_uid = identity.pod_uid.take().or_else(|| label("io.kubernetes.pod.uid"));
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pod {
    namespace: String,
    pod: String,
    container: Option<String>,
}

/// What the kubelet's folders of logs name.
#[derive(Debug)]
pub(super) struct Logs {
    /// `/var/log/containers`, by container id.
    containers: Folder,
    /// `/var/log/pods`, by the pod's uid.
    pods: Folder,
}

impl Logs {
    pub(super) fn new(rootfs: &Path) -> Self {
        Self {
            containers: Folder::new(rootfs, "var/log/containers", container_log),
            pods: Folder::new(rootfs, "var/log/pods", pod_logs),
        }
    }

    /// Fills in what is not known yet of a pod or of a container in one; `true` where nothing is left.
    pub(super) fn read(&mut self, identity: &mut Identity, problems: &mut Problems) -> bool {
        let (folder, key) = match identity.runtime {
            Runtime::Kubernetes => (&mut self.pods, &identity.pod_uid),
            _ => (&mut self.containers, &identity.key),
        };
        let found = key.as_deref().map(|key| folder.find(key));
        match found {
            Some(Ok(Some(pod))) => {
                identity.namespace.get_or_insert_with(|| pod.namespace.clone());
                identity.pod.get_or_insert_with(|| pod.pod.clone());
                if identity.container.is_none() {
                    identity.container.clone_from(&pod.container);
                }
                true
            }
            Some(Err(error)) => {
                problems.note(identity, folder.watch.path(), error);
                false
            }
            Some(Ok(None)) | None => false,
        }
    }
}

/// The names in a folder, read again only where the folder changed.
#[derive(Debug)]
struct Folder {
    watch: Watch,
    parse: fn(&str) -> Option<(String, Pod)>,
    pods: HashMap<String, Pod>,
}

impl Folder {
    fn new(rootfs: &Path, path: &str, parse: fn(&str) -> Option<(String, Pod)>) -> Self {
        Self { watch: Watch::new(rootfs.join(path)), parse, pods: HashMap::new() }
    }

    fn find(&mut self, key: &str) -> io::Result<Option<&Pod>> {
        if self.watch.changed() {
            self.pods.clear();
            match fs::read_dir(self.watch.path()) {
                Ok(entries) => {
                    let names = entries.flatten().filter_map(|e| e.file_name().into_string().ok());
                    self.pods = names.filter_map(|name| (self.parse)(&name)).collect();
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.pods.get(key))
    }
}

/// `POD_NAMESPACE_CONTAINER-ID.log`. None of the three names can have a `_`.
fn container_log(name: &str) -> Option<(String, Pod)> {
    let (rest, id) = name.strip_suffix(".log")?.rsplit_once('-')?;
    let mut names = rest.split('_').map(str::to_owned);
    let (pod, namespace, container) = (names.next()?, names.next()?, names.next()?);
    (names.next().is_none() && !id.is_empty())
        .then(|| (id.to_owned(), Pod { namespace, pod, container: Some(container) }))
}

/// `NAMESPACE_POD_UID`.
fn pod_logs(name: &str) -> Option<(String, Pod)> {
    let mut names = name.split('_').map(str::to_owned);
    let (namespace, pod, uid) = (names.next()?, names.next()?, names.next()?);
    names.next().is_none().then_some((uid, Pod { namespace, pod, container: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UID: &str = "0123abcd-0000-1111-2222-333344445555";

    #[test]
    fn pods_are_found_in_paths() {
        let slice = UID.replace('-', "_");
        let hash = UID.replace('-', "");
        for (path, uid) in [
            (format!("/kubepods/pod{UID}"), UID),
            (format!("/kubepods/besteffort/pod{UID}"), UID),
            (format!("/kubelet/kubepods/burstable/pod{hash}"), &hash),
            (format!("/kubepods.slice/kubepods-pod{slice}.slice"), UID),
            (format!("/a/kubelet-kubepods-burstable-pod{slice}.slice"), UID),
            (format!("/kubepods.slice/kubepods-burstable-pod{hash}.slice"), &hash),
        ] {
            assert_eq!(pod_uid(&path, base(&path)).as_deref(), Some(uid), "{path}");
        }
        for path in [
            format!("/pod{UID}"),
            format!("/kubepods/pod{}", &UID[1..]),
            format!("/kubepods/POD{UID}"),
            format!("/other-pod{slice}.slice"),
            "/kubepods.slice/kubepods-burstable.slice".to_owned(),
            "/kubepods/burstable".to_owned(),
        ] {
            assert_eq!(pod_uid(&path, base(&path)), None, "{path}");
        }
    }

    #[test]
    fn logs_name_pods_and_containers() {
        let (id, pod) = container_log("web-0_shop_nginx-proxy-abc1.log").expect("a container");
        assert_eq!(id, "abc1");
        assert_eq!((pod.pod.as_str(), pod.namespace.as_str()), ("web-0", "shop"));
        assert_eq!(pod.container.as_deref(), Some("nginx-proxy"));
        let (uid, pod) = pod_logs(&format!("shop_web-0_{UID}")).expect("a pod");
        assert_eq!((uid.as_str(), pod.pod.as_str(), pod.container), (UID, "web-0", None));
        for other in ["x.log", "a_b-c.log", "a_b_c_d-e.log", "a_b_c-.log", "a_b_c-d"] {
            assert_eq!(container_log(other), None, "{other}");
        }
        assert_eq!((pod_logs("a_b"), pod_logs("a_b_c_d")), (None, None));
    }

    proptest! {
        #[test]
        fn names_of_logs_read_back(
            pod in "[a-z][a-z0-9.-]{0,20}", namespace in "[a-z][a-z0-9-]{0,20}",
            container in "[a-z][a-z0-9-]{0,20}", id in "[0-9a-f]{64}",
        ) {
            let expected = Pod { namespace, pod, container: Some(container.clone()) };
            let name = format!("{}_{}_{container}-{id}.log", expected.pod, expected.namespace);
            prop_assert_eq!(container_log(&name), Some((id.clone(), expected.clone())));
            let pod = Pod { container: None, ..expected };
            let name = format!("{}_{}_{id}", pod.namespace, pod.pod);
            prop_assert_eq!(pod_logs(&name), Some((id, pod)));
        }

        #[test]
        fn any_name_is_read(name in ".{0,80}") {
            let _ = (container_log(&name), pod_logs(&name), pod_uid(&name, base(&name)));
        }
    }
}
