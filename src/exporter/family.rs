//! The shape of one row of the contract.

use super::host::Host;
use super::write::{Lines, Number};
use super::{Collector, Entry};
use crate::cgroup::IoDevice;

/// One metric family: what it is, where it comes from, how it differs from cAdvisor's.
pub struct Family {
    /// The name, with `_total` where it is a counter.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The help text.
    pub help: &'static str,
    /// Labels besides the base labels, for the documentation.
    pub labels: &'static str,
    /// Where the value comes from on cgroup v2, or on any host.
    pub v2: &'static str,
    /// Where it comes from on cgroup v1; empty where that is the same or there is nothing.
    pub v1: &'static str,
    /// How it differs from cAdvisor's and why; empty where it does not.
    pub divergence: &'static str,
    /// What `--compat=cadvisor` changes; empty where that is nothing.
    pub compat: &'static str,
    pub(super) samples: Samples,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A counter whose name lacks `_total`: it has no honest type in OpenMetrics.
    Unknown,
}

/// How the samples of a family are made.
pub(super) enum Samples {
    /// One sample a cgroup.
    Group(fn(&Host, &Entry) -> Option<Number>),
    /// Several samples a cgroup, told apart by further labels as written.
    Labelled(&'static [Labelled]),
    /// Samples for each block device of a cgroup.
    Device(&'static [DeviceSample]),
    /// Samples of the host or of ourselves.
    Other(fn(&Collector, &mut Lines)),
}

/// Further labels and the value that goes with them.
pub(super) type Labelled = (&'static str, fn(&Entry) -> Option<Number>);

/// Further labels besides the device, and the value that goes with them.
pub(super) type DeviceSample = (&'static str, fn(&IoDevice) -> Option<u64>);

const fn family(kind: Kind, name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        kind,
        help,
        labels: "",
        v2: "",
        v1: "",
        divergence: "",
        compat: "",
        samples: Samples::Labelled(&[]),
    }
}

pub(super) const fn counter(name: &'static str, help: &'static str) -> Family {
    family(Kind::Counter, name, help)
}

pub(super) const fn gauge(name: &'static str, help: &'static str) -> Family {
    family(Kind::Gauge, name, help)
}

pub(super) const fn unknown(name: &'static str, help: &'static str) -> Family {
    family(Kind::Unknown, name, help)
}

impl Family {
    pub(super) const fn from(mut self, v2: &'static str, v1: &'static str) -> Self {
        self.v2 = v2;
        self.v1 = v1;
        self
    }

    pub(super) const fn differs(mut self, divergence: &'static str) -> Self {
        self.divergence = divergence;
        self
    }

    pub(super) const fn compat(mut self, change: &'static str) -> Self {
        self.compat = change;
        self
    }

    pub(super) const fn group(mut self, value: fn(&Host, &Entry) -> Option<Number>) -> Self {
        self.samples = Samples::Group(value);
        self
    }

    pub(super) const fn labelled(
        mut self,
        labels: &'static str,
        values: &'static [Labelled],
    ) -> Self {
        self.labels = labels;
        self.samples = Samples::Labelled(values);
        self
    }

    pub(super) const fn device(
        mut self,
        labels: &'static str,
        values: &'static [DeviceSample],
    ) -> Self {
        self.labels = labels;
        self.samples = Samples::Device(values);
        self
    }

    pub(super) const fn other(
        mut self,
        labels: &'static str,
        write: fn(&Collector, &mut Lines),
    ) -> Self {
        self.labels = labels;
        self.samples = Samples::Other(write);
        self
    }
}
