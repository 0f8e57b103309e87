//! Labels of containers that become labels of metrics.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;

use super::write::label;
use crate::identity::Identity;

/// Which labels of containers every family gets. All of them would multiply the exposition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelsShown {
    /// Every one.
    All,
    /// Those of these names.
    These(Vec<String>),
}

/// What dashboards of Compose and Swarm select by.
const DEFAULT: [&str; 3] =
    ["com.docker.compose.project", "com.docker.compose.service", "com.docker.swarm.service.name"];

impl Default for LabelsShown {
    fn default() -> Self {
        Self::These(DEFAULT.map(str::to_owned).to_vec())
    }
}

impl FromStr for LabelsShown {
    type Err = Infallible;

    /// Names with commas between them, or `*`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text.trim() == "*" {
            return Ok(Self::All);
        }
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self::These(names.map(str::to_owned).collect()))
    }
}

impl LabelsShown {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|shown| shown == name),
        }
    }
}

/// The labels that every family of a cgroup has, sorted by name. An absent one is left out: to
/// Prometheus that is the same as an empty one.
pub(super) fn base_labels(path: &str, identity: &Identity, shown: &LabelsShown) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 64);
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            label(name, value, &mut out);
        }
    };
    put("container", identity.container.as_deref());
    for (name, value) in container_labels(identity, shown) {
        put(&name, Some(value));
    }
    put("id", Some(path));
    put("image", identity.image.as_deref());
    put("name", identity.name.as_deref());
    put("namespace", identity.namespace.as_deref());
    put("pod", identity.pod.as_deref());
    out.shrink_to_fit();
    out
}

/// What is known of a container: the base labels with every label of its own, and what would only
/// lengthen every other series.
pub(super) fn info_labels(path: &str, identity: &Identity) -> Vec<u8> {
    let mut out = base_labels(path, identity, &LabelsShown::All);
    let user = identity.user.map(|user| user.to_string());
    for (name, value) in [
        ("image_id", identity.image_id.as_deref()),
        ("key", identity.key.as_deref()),
        ("pod_uid", identity.pod_uid.as_deref()),
        ("runtime", Some(identity.runtime.name())),
        ("user", user.as_deref()),
    ] {
        if let Some(value) = value {
            label(name, value, &mut out);
        }
    }
    out
}

/// A container's labels under names that Prometheus takes, as cAdvisor makes them: what is no letter,
/// digit or underscore becomes an underscore. Of two that become one, the first in the alphabet stays.
fn container_labels<'a>(identity: &'a Identity, shown: &LabelsShown) -> BTreeMap<String, &'a str> {
    let mut labels = BTreeMap::new();
    for (name, value) in &identity.labels {
        if shown.contains(name) && !value.is_empty() {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            let mangled: String =
                "container_label_".chars().chain(name.chars().map(plain)).collect();
            labels.entry(mangled).or_insert(value.as_str());
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Names;
    use proptest::prelude::*;
    use std::path::Path;

    fn rendered(labels: &[(&str, &str)], shown: &str) -> String {
        let mut identity = Names::new(Path::new("/nonexistent")).identify("/lxc.payload.web");
        identity.labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let shown = shown.parse().expect("never refused");
        String::from_utf8(base_labels("/x", &identity, &shown)).expect("UTF-8")
    }

    #[test]
    fn only_labels_asked_for_are_shown() {
        let labels = [("a.b", "1"), ("c", "2"), ("com.docker.compose.project", "shop")];
        let rest = "id=\"/x\",name=\"web\"";
        assert_eq!(rendered(&labels, ""), rest);
        assert_eq!(
            rendered(&labels, " c, a.b"),
            format!("container_label_a_b=\"1\",container_label_c=\"2\",{rest}")
        );
        assert!(
            rendered(&labels, "*").starts_with(
                "container_label_a_b=\"1\",container_label_c=\"2\",container_label_com_"
            )
        );
        let default = LabelsShown::default();
        assert!(default.contains("com.docker.compose.project") && !default.contains("c"));
    }

    #[test]
    fn of_two_labels_that_become_one_the_first_stays() {
        let labels = [("a-b", "dash"), ("a.b", "dot"), ("a_b", "underscore"), ("ä", "")];
        assert_eq!(rendered(&labels, "*"), "container_label_a_b=\"dash\",id=\"/x\",name=\"web\"");
    }

    proptest! {
        #[test]
        fn names_of_labels_are_valid_and_no_two_alike(
            labels in prop::collection::btree_map(".{0,8}", "[a-z]{1,3}", 0..8)
        ) {
            let mut identity = Names::new(Path::new("/nonexistent")).identify("/");
            identity.labels = labels;
            let made = container_labels(&identity, &LabelsShown::All);
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            prop_assert!(made.keys().all(|name| name.chars().all(valid)), "{made:?}");
            prop_assert_eq!(made.is_empty(), identity.labels.is_empty());
        }
    }
}
