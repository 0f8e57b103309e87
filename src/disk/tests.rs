//! Disks of a host of files: only the folders are real file systems.

use std::fs;
use std::time::Instant;

use super::*;

struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self { dir: tempfile::tempdir().expect("tempdir") };
        let table = "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n28 1 8:1 /x /bind rw - ext4 /dev/sda1 rw\n\
                     29 1 0:9 / /run rw - tmpfs tmpfs rw\n30 1 0:8 / /far rw - nfs4 server:/a rw\n";
        host.write("proc/1/mountinfo", table);
        host
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.dir.path().join(inside);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }

    fn disks(&self, interval: Duration) -> Disks {
        Disks::new(&self.dir.path().join("proc"), self.dir.path(), interval)
    }
}

const ROOT: Place = Place { serial: 1, kind: PlaceKind::Host };
const WEB: Place = Place { serial: 2, kind: PlaceKind::Container(10) };
const OTHER: Place = Place { serial: 3, kind: PlaceKind::Other };

fn overlay(host: &Host) {
    host.write("layers/web/diff/file", "some text");
    let line = "600 500 0:50 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/layers/web/diff,workdir=/w\n";
    host.write("proc/10/mountinfo", line);
}

#[test]
fn the_host_tells_of_its_devices_once() {
    let host = Host::new();
    let mut disks = host.disks(Duration::ZERO);
    disks.read(&[ROOT, OTHER], None);
    let [usage] = &disks.usages()[0][..] else { panic!("{:?}", disks.usages()) };
    assert_eq!(usage.device, "/dev/sda1");
    let real = statvfs(host.dir.path()).expect("told");
    assert_eq!(usage.limit_bytes, Some(real.f_blocks * real.f_frsize));
    assert!(usage.used_bytes <= usage.limit_bytes);
    assert_eq!(disks.usages()[1], []);
    assert!(disks.effort().is_success());
}

#[test]
fn a_layer_is_walked_in_the_background_and_its_age_told() {
    let host = Host::new();
    overlay(&host);
    let mut disks = host.disks(Duration::from_secs(3600));
    let end = Instant::now() + Duration::from_secs(30);
    let usage = loop {
        disks.read(&[WEB], None);
        let usage = disks.usages()[0][0].clone();
        if usage.used_bytes.is_some() {
            break usage;
        }
        assert!(Instant::now() < end, "no walk");
        std::thread::yield_now();
    };
    assert_eq!(usage.device, "/dev/sda1");
    assert!(usage.used_bytes > Some(0) && usage.limit_bytes > usage.used_bytes, "{usage:?}");
    assert!(usage.age.is_some_and(|age| age < Duration::from_secs(30)));
    assert_eq!(disks.missing_details(), Vec::<String>::new());
}

#[test]
fn without_a_walk_a_layer_tells_only_what_room_there_is() {
    let host = Host::new();
    overlay(&host);
    let mut disks = host.disks(Duration::ZERO);
    disks.read(&[WEB], None);
    let usage = &disks.usages()[0][0];
    assert_eq!((usage.used_bytes, usage.age), (None, None));
    assert!(usage.limit_bytes > Some(0));
    // Its process ends: what is known stays; a runtime that moves the root is followed while it is young.
    fs::remove_dir_all(host.dir.path().join("proc/10")).expect("remove");
    disks.read(&[WEB], None);
    assert_eq!(disks.usages()[0].len(), 1);
    host.write("proc/10/mountinfo", "600 500 8:1 /x / rw - ext4 /dev/sda1 rw\n");
    disks.read(&[WEB], None);
    assert_eq!(disks.usages()[0], []);
}

#[test]
fn a_file_system_of_its_own_tells_how_full_it_is() {
    let host = Host::new();
    host.write("proc/10/mountinfo", "600 500 0:50 / / rw - zfs tank/web rw\n");
    fs::create_dir_all(host.dir.path().join("proc/10/root")).expect("mkdir");
    let mut disks = host.disks(Duration::ZERO);
    disks.read(&[WEB], None);
    let usage = &disks.usages()[0][0];
    assert_eq!(usage.device, "tank/web");
    assert!(usage.used_bytes > Some(0) && usage.age.is_none());
}

#[test]
fn the_deadline_holds() {
    let host = Host::new();
    let mut disks = host.disks(Duration::ZERO);
    disks.read(&[ROOT], Some(Instant::now()));
    assert_eq!(disks.usages()[0], []);
    assert!(disks.effort().late);
}
