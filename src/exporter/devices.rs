//! What the host calls its block devices.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::write::label;
use crate::cgroup::IoDevice;

/// Names of the block devices that cgroups use.
#[derive(Debug)]
pub(super) struct Devices {
    links: PathBuf,
    known: BTreeMap<(u32, u32), Labels>,
}

/// Rendered labels of one device.
#[derive(Debug)]
struct Labels {
    /// `device`.
    plain: Vec<u8>,
    /// `device`, `major`, `minor`, `operation`, one of each of [`OPERATIONS`].
    numbered: [Vec<u8>; OPERATIONS.len()],
}

/// What v1 counts apart; v2 has the first two.
const OPERATIONS: [&str; 6] = ["Read", "Write", "Sync", "Async", "Discard", "Total"];

impl Devices {
    pub(super) fn new(sysfs: &Path) -> Self {
        Self { links: sysfs.join("dev/block"), known: BTreeMap::new() }
    }

    /// Names these devices anew, as a number may come to stand for another device.
    pub(super) fn look_up<'a>(&mut self, devices: impl Iterator<Item = &'a IoDevice>) {
        self.known.clear();
        for device in devices {
            let id = (device.major, device.minor);
            if !self.known.contains_key(&id) {
                self.known.insert(id, Labels::new(&self.name(device), device));
            }
        }
    }

    /// `/dev/NAME`; where the host does not know the device, its numbers, so that two such devices
    /// do not become one series.
    fn name(&self, device: &IoDevice) -> String {
        let numbers = format!("{}:{}", device.major, device.minor);
        let target = fs::read_link(self.links.join(&numbers)).ok();
        match target.as_deref().and_then(Path::file_name) {
            // The kernel writes a slash in a device's name as an exclamation mark.
            Some(name) => format!("/dev/{}", name.to_string_lossy().replace('!', "/")),
            None => numbers,
        }
    }

    /// The labels of a sample: the device, and with an operation its numbers too.
    pub(super) fn labels(&self, device: &IoDevice, operation: &str) -> &[u8] {
        let Some(labels) = self.known.get(&(device.major, device.minor)) else { return b"" };
        let index = OPERATIONS.iter().position(|known| *known == operation);
        index.map_or(&labels.plain, |index| &labels.numbered[index])
    }
}

impl Labels {
    fn new(name: &str, device: &IoDevice) -> Self {
        let mut plain = Vec::new();
        label("device", name, &mut plain);
        let numbered = OPERATIONS.map(|operation| {
            let mut out = plain.clone();
            label("major", &device.major.to_string(), &mut out);
            label("minor", &device.minor.to_string(), &mut out);
            label("operation", operation, &mut out);
            out
        });
        Self { numbered, plain }
    }
}
