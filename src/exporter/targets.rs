//! Targets for Prometheus: the host and each container, as its HTTP and file discovery take them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Collector, LabelsShown, labels, scope};
use crate::identity::Identity;

/// One element of the list that `http_sd_configs` and `file_sd_configs` read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetGroup {
    /// Where to scrape: one address.
    pub targets: Vec<String>,
    /// Labels of the target; those that begin with two underscores are for relabelling.
    pub labels: BTreeMap<String, String>,
}

/// The parameter of a scrape that names what it is about.
pub const TARGET_PARAMETER: &str = "target";

impl Collector {
    /// The host and every container that is in no other, to be scraped at `address` and `metrics_path`: as
    /// of the last collection or discovery.
    pub fn targets(&self, address: &str, metrics_path: &str) -> Vec<TargetGroup> {
        let groups = self.scanner.groups();
        let group = |parameter: &str, instance: String, labels: BTreeMap<String, String>| {
            let own = [
                ("__metrics_path__".to_owned(), metrics_path.to_owned()),
                (format!("__param_{TARGET_PARAMETER}"), parameter.to_owned()),
                // The address is the same for all, so the series of two targets would be too.
                ("instance".to_owned(), instance),
            ];
            let labels = labels.into_iter().chain(own).collect();
            TargetGroup { targets: vec![address.to_owned()], labels }
        };
        let host = group("host", address.to_owned(), BTreeMap::new());
        let containers = scope::topmost(groups, &self.rows).into_iter().map(|at| {
            let (path, identity) = (groups[at].path(), &self.rows[at].identity);
            let name = identity.name.as_deref().unwrap_or(path).trim_start_matches('/');
            group(path, format!("{address}/{name}"), described(path, identity))
        });
        std::iter::once(host).chain(containers).collect()
    }
}

/// What is known of a container, for relabelling.
fn described(path: &str, identity: &Identity) -> BTreeMap<String, String> {
    let known = [
        ("id", Some(path)),
        ("runtime", Some(identity.runtime.name())),
        ("name", identity.name.as_deref()),
        ("image", identity.image.as_deref()),
        ("namespace", identity.namespace.as_deref()),
        ("pod", identity.pod.as_deref()),
        ("container", identity.container.as_deref()),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let labels = labels::container_labels(identity, &LabelsShown::All).into_iter();
    let all = known.chain(labels);
    all.map(|(name, value)| (format!("__meta_loadline_{name}"), value.to_owned())).collect()
}
