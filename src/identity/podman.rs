//! Podman, root's and every user's: names and images are in the lists of containers of the storage. They
//! are shared by all containers, so they are looked at once a scrape.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{self, Problems, Watch};
use super::path::{Leaf, base, parent, user};
use super::storage::Storage;
use super::users::Users;
use super::{Identity, Runtime};
use crate::units::Timestamp;

/// `libpod-ID.scope` and `libpod-ID` are the two drivers', `libpod-payload-ID` that of a service which
/// keeps its cgroup to itself (quadlets), `podman-PID.scope/ID` that of old versions without root.
///
/// On v2 the processes are in `container` below; the outer one has the limits and counts all of it, so
/// it alone has the identity.
pub(super) fn identify(path: &str, leaf: Leaf) -> Option<Identity> {
    let old = || parent(path).starts_with("podman-") && parent(path).ends_with(".scope");
    let known = match leaf.prefix {
        "libpod" | "libpod-payload" => true,
        "" => old(),
        _ => false,
    };
    known.then(|| {
        let mut identity = Identity::new(Runtime::Podman, Some(leaf.id));
        identity.user = user(path);
        identity
    })
}

/// The monitors of containers.
pub(super) fn is_ignored(path: &str) -> bool {
    base(path).starts_with("libpod-conmon-") || path.ends_with("/libpod_parent/conmon")
}

/// One container of a list. CRI-O has its containers in the same lists.
#[derive(Deserialize)]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    /// JSON in a string.
    metadata: Option<String>,
    created: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    image_name: Option<String>,
    image_id: Option<String>,
    name: Option<String>,
}

/// What is known of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Container {
    name: Option<String>,
    image: Option<String>,
    image_id: Option<String>,
    created: Option<Timestamp>,
}

impl From<Entry> for Container {
    fn from(entry: Entry) -> Self {
        let metadata: Metadata =
            entry.metadata.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let set = |text: Option<String>| text.filter(|text| !text.is_empty());
        let first = entry.names.and_then(|names| names.into_iter().next());
        Self {
            name: set(first).or(set(metadata.name)),
            image: set(metadata.image_name),
            image_id: set(metadata.image_id),
            created: entry.created.and_then(|text| file::time(&text)),
        }
    }
}

fn parse(text: &[u8]) -> Result<Vec<Entry>, serde_json::Error> {
    // An empty file is a list that was just made.
    if text.is_empty() { Ok(Vec::new()) } else { serde_json::from_slice(text) }
}

/// The containers of one storage.
#[derive(Debug)]
struct Store {
    storage: Storage,
    lists: Vec<Watch>,
    containers: HashMap<String, Container>,
    problem: Option<(PathBuf, String)>,
    looked_at: u64,
    changed_at: u64,
}

impl Store {
    fn new(storage: Storage) -> Self {
        Self {
            storage,
            lists: Vec::new(),
            containers: HashMap::new(),
            problem: None,
            looked_at: 0,
            changed_at: 0,
        }
    }

    /// Reads the lists where one of them changed since the last scrape.
    fn look(&mut self, scrape: u64) {
        if self.looked_at == scrape {
            return;
        }
        self.looked_at = scrape;
        self.read_if_changed(scrape);
    }

    /// Looks for lists that were not there before, and reads all.
    fn look_anew(&mut self, scrape: u64) {
        let lists = self.storage.lists();
        let known = self.lists.iter().map(Watch::path).eq(lists.iter().map(PathBuf::as_path));
        if !known {
            self.lists = lists.into_iter().map(Watch::new).collect();
        }
        self.read_if_changed(scrape);
    }

    fn read_if_changed(&mut self, scrape: u64) {
        // Every list is looked at, or a later one would seem new at the next scrape.
        if self.lists.iter_mut().fold(false, |any, list| list.changed() | any) {
            self.read(scrape);
        }
    }

    fn read(&mut self, scrape: u64) {
        self.changed_at = scrape;
        self.problem = None;
        self.containers.clear();
        for list in &self.lists {
            let parsed = match list.read() {
                Ok(text) => parse(&text.unwrap_or_default()).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match parsed {
                Ok(entries) => self
                    .containers
                    .extend(entries.into_iter().map(|mut e| (std::mem::take(&mut e.id), e.into()))),
                Err(error) => {
                    self.problem.get_or_insert_with(|| (list.path().to_owned(), error));
                }
            }
        }
    }
}

/// Names Podman's containers.
#[derive(Debug)]
pub(super) struct Names {
    rootfs: PathBuf,
    system: Store,
    rootless: HashMap<u32, Store>,
}

impl Names {
    pub(super) fn new(rootfs: &Path) -> Self {
        Self {
            rootfs: rootfs.to_owned(),
            system: Store::new(Storage::of_system(rootfs)),
            rootless: HashMap::new(),
        }
    }

    /// Brings a container up to date in this scrape; `true` where that brought something new.
    pub(super) fn refresh(
        &mut self,
        identity: &mut Identity,
        scrape: u64,
        users: &mut Users,
        problems: &mut Problems,
    ) -> bool {
        let asked = identity.take_attempt();
        let Some(id) = identity.key.clone() else { return false };
        let Some((store, user)) = self.store(identity.user, &id, scrape, asked, users) else {
            if let Some(uid) = identity.user.filter(|_| asked) {
                problems.tell(identity, format!("user {uid} is not in /etc/passwd"));
            }
            return false;
        };
        if !asked && store.changed_at != scrape {
            return false;
        }
        let Some(container) = store.containers.get(&id) else {
            if let Some((path, problem)) = &store.problem {
                problems.note(identity, path, problem);
            }
            return false;
        };
        problems.clear(identity);
        let pid = || {
            let mut running = store.storage.running().into_iter();
            running.find_map(|folder| file::number(&folder.join(&id).join("userdata/pidfile")))
        };
        let next = Identity {
            user,
            name: container.name.clone(),
            image: container.image.clone(),
            image_id: container.image_id.clone(),
            created: container.created,
            pid: identity.pid.or_else(pid),
            ..identity.clone()
        };
        let changed = next != *identity;
        *identity = next;
        if identity.name.is_some() && identity.pid.is_some() {
            identity.attempts = 0;
        }
        changed
    }

    /// The storage that a container is in and whose it is: the user's, or else the system's, as root may
    /// have started it from within a user's session.
    fn store(
        &mut self,
        user: Option<u32>,
        id: &str,
        scrape: u64,
        anew: bool,
        users: &mut Users,
    ) -> Option<(&Store, Option<u32>)> {
        let look = |store: &mut Store| {
            store.look(scrape);
            if anew && !store.containers.contains_key(id) {
                store.look_anew(scrape);
            }
            store.containers.contains_key(id)
        };
        let Some(uid) = user else {
            look(&mut self.system);
            return Some((&self.system, None));
        };
        if !self.rootless.contains_key(&uid)
            && let Some(storage) = Storage::of_user(&self.rootfs, uid, users)
        {
            self.rootless.insert(uid, Store::new(storage));
        }
        let in_own = self.rootless.get_mut(&uid).is_some_and(look);
        if !in_own && look(&mut self.system) {
            return Some((&self.system, None));
        }
        self.rootless.get(&uid).map(|store| (store, user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_is_json_within_json() {
        let text = br#"[{"id":"a","names":["web"],"metadata":"{\"image-name\":\"nginx:1\",\"name\":\"x\",\"created-at\":1}",
            "created":"2026-01-02T03:04:05.5+01:00","flags":{"Volatile":true}},
            {"id":"b","names":null,"metadata":"{\"name\":\"db\"}"},{"id":"c","metadata":"no JSON"}]"#;
        let found: Vec<Container> =
            parse(text).expect("a list").into_iter().map(Container::from).collect();
        assert_eq!(found[0].name.as_deref(), Some("web"));
        assert_eq!(found[0].image.as_deref(), Some("nginx:1"));
        assert_eq!(found[0].created, Some(Timestamp::from_millis(1_767_319_445_500)));
        assert_eq!((found[1].name.as_deref(), &found[1].image), (Some("db"), &None));
        assert_eq!(found[2].name, None);
        assert_eq!(parse(b"").expect("empty").len(), 0);
    }

    proptest! {
        #[test]
        fn any_list_is_parsed_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn any_entry_is_a_container(id in ".{0,9}", names in prop::option::of(prop::collection::vec(".{0,5}", 0..3)), metadata in prop::option::of(".{0,40}"), created in prop::option::of(".{0,30}")) {
            let _ = Container::from(Entry { id, names, metadata, created });
        }
    }
}
