//! The kernel's own files: the label `id` is the group's path below the mount.

use super::group::Group;
use super::limit::GroupLimit;
use super::{Actuate, ActuateError, blocking};
use crate::config::CgroupActuator;
use crate::target::{Resource, Target};

/// Writes the limits of a control group itself.
#[derive(Debug)]
pub(super) struct Cgroup {
    host: CgroupActuator,
}

impl Cgroup {
    pub(super) fn new(config: &CgroupActuator) -> Self {
        Self { host: config.clone() }
    }

    fn group(&self, target: &Target, resource: Resource) -> Result<Group, ActuateError> {
        let Some(path) = target.labels.get("id") else {
            return Err(ActuateError::lasting(
                &target.id,
                "label id",
                "the target has none",
                "keep the label id (the cgroup's path) in the rule's discover query",
            ));
        };
        Group::find(&target.id, &self.host, path, resource)
    }
}

impl Actuate for Cgroup {
    type Saved = GroupLimit;

    async fn read(&self, target: &Target, resource: Resource) -> Result<GroupLimit, ActuateError> {
        let group = self.group(target, resource)?;
        blocking(&target.id, move || group.read()).await
    }

    async fn write(
        &self,
        target: &Target,
        before: &GroupLimit,
        to: f64,
    ) -> Result<(), ActuateError> {
        let group = self.group(target, before.resource())?;
        let wanted = before.with_size(&target.id, to)?;
        blocking(&target.id, move || group.write(&wanted)).await
    }

    async fn restore(&self, target: &Target, before: &GroupLimit) -> Result<(), ActuateError> {
        let group = self.group(target, before.resource())?;
        let before = *before;
        blocking(&target.id, move || group.write(&before)).await
    }
}
