//! Paths of cgroups, and the files that runtimes leave on disk: whatever is in them, who a cgroup is comes
//! out the same each time, and its labels can be written.

#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use loadline::identity::{Identity, Names, is_ignored};

const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A file below the root, and a cgroup that it tells of. `ID` stands for an id.
const FILES: [(&str, &str); 12] = [
    ("var/lib/docker/containers/ID/config.v2.json", "/docker/ID"),
    ("etc/docker/daemon.json", "/docker/ID"),
    (
        "home/a/.config/docker/daemon.json",
        "/user.slice/user-7.slice/user@7.service/docker-ID.scope",
    ),
    ("var/lib/containers/storage/overlay-containers/containers.json", "/libpod_parent/libpod-ID"),
    ("run/containers/storage/overlay-containers/volatile-containers.json", "/libpod-ID.scope"),
    ("etc/containers/storage.conf", "/machine.slice/libpod-ID.scope"),
    (
        "home/a/.config/containers/storage.conf",
        "/user.slice/user-7.slice/user@7.service/libpod-ID.scope",
    ),
    (
        "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
        "/kubepods/pod0123abcd-0000-1111-2222-333344445555/ID",
    ),
    ("run/containers/storage/overlay-containers/ID/userdata/config.json", "/crio-ID.scope"),
    ("etc/pve/lxc/101.conf", "/lxc/101"),
    ("etc/pve/qemu-server/101.conf", "/qemu.slice/101.scope"),
    ("etc/passwd", "/user.slice/user-7.slice/user@7.service/libpod-ID.scope"),
];

/// A host whose user 7 lives in `/home/a`, with an empty file for each.
static ROOT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir_in("/dev/shm").expect("a folder");
    for (file, _) in FILES {
        let path = root.path().join(file.replace("ID", ID));
        fs::create_dir_all(path.parent().expect("a folder above")).expect("made");
    }
    fs::write(root.path().join("etc/passwd"), PASSWD).expect("written");
    root
});

const PASSWD: &[u8] = b"a:x:7:7::/home/a:/bin/sh\n";

fuzz_target!(|data: &[u8]| {
    let [which, text @ ..] = data else { return };
    let which = usize::from(*which) % (FILES.len() + 2);
    let Some((file, path)) = FILES.get(which) else {
        return path_or_log(which % 2 == 0, text);
    };
    let (file, path) = (ROOT.path().join(file.replace("ID", ID)), path.replace("ID", ID));
    fs::write(&file, text).expect("written");
    identify(&path);
    if file.ends_with("passwd") {
        fs::write(&file, PASSWD).expect("written");
    } else {
        fs::remove_file(&file).expect("removed");
    }
});

/// The text is a path of a cgroup, or the name of a pod's log.
fn path_or_log(is_path: bool, text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if is_path {
        let path = format!("/{text}");
        let _ = is_ignored(&path);
        identify(&path.replace("ID", ID));
        return;
    }
    let logs = ROOT.path().join("var/log/containers");
    fs::create_dir_all(&logs).expect("made");
    let log = logs.join(text.replace(['/', '\0'], "_"));
    if text.len() < 200
        && !text.is_empty()
        && !matches!(text, "." | "..")
        && fs::write(&log, "").is_ok()
    {
        identify(&format!("/kubepods/pod0123abcd-0000-1111-2222-333344445555/{ID}"));
        fs::remove_file(log).expect("removed");
    }
}

fn identify(path: &str) -> Identity {
    let look = |root: &Path| {
        let mut names = Names::new(root);
        names.begin_scrape();
        let mut identity = names.identify(path);
        names.refresh(&mut identity);
        names.begin_scrape();
        assert!(!names.refresh(&mut identity), "nothing changed: {identity:?}");
        assert!(names.missing_details().iter().all(|sentence| !sentence.is_empty()));
        identity
    };
    let identity = look(ROOT.path());
    assert_eq!(identity, look(ROOT.path()));
    for value in [&identity.name, &identity.image, &identity.pod, &identity.namespace] {
        loadline::exporter::fuzzing::label(value.as_deref().unwrap_or_default());
    }
    for value in identity.labels.values() {
        loadline::exporter::fuzzing::label(value);
    }
    identity
}
