//! The kernel's own files: the label `id` is the group's path below the mount.

use super::group::Group;
use super::limit::GroupLimit;
use super::{Actuate, ActuateError, blocking};
use crate::config::CgroupActuator;
use crate::target::{Dimension, Target};

/// Writes the limits of a control group itself.
#[derive(Debug)]
pub(super) struct Cgroup {
    host: CgroupActuator,
}

impl Cgroup {
    pub(super) fn new(config: &CgroupActuator) -> Self {
        Self { host: config.clone() }
    }

    fn group(&self, target: &Target, dimension: Dimension) -> Result<Group, ActuateError> {
        let Some(path) = target.labels.get("id") else {
            return Err(ActuateError::lasting(
                &target.id,
                "label id",
                "the target has none",
                "keep the label id (the cgroup's path) in the rule's discover query",
            ));
        };
        Group::find(&target.id, &self.host, path, dimension)
    }
}

impl Actuate for Cgroup {
    type Saved = GroupLimit;

    async fn read(
        &self,
        target: &Target,
        dimension: Dimension,
    ) -> Result<GroupLimit, ActuateError> {
        let group = self.group(target, dimension)?;
        blocking(&target.id, move || group.read()).await
    }

    async fn write(
        &self,
        target: &Target,
        before: &GroupLimit,
        to: f64,
    ) -> Result<(), ActuateError> {
        let group = self.group(target, before.dimension())?;
        let wanted = before.with_size(&target.id, to)?;
        blocking(&target.id, move || group.write(&wanted)).await
    }

    async fn restore(&self, target: &Target, before: &GroupLimit) -> Result<(), ActuateError> {
        let group = self.group(target, before.dimension())?;
        let before = *before;
        blocking(&target.id, move || group.write(&before)).await
    }
}
