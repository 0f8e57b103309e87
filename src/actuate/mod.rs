//! Decision → changed world, read back and verified: one file an actuator.
//!
//! Every change runs the same course ([`change`]): read the size the kernel has now, write the new one,
//! read it back, and put the old one back where the two differ. Sizes are absolute, so that doing a
//! change twice is doing it once: after a crash, an unfinished change is simply applied again.

mod cgroup;
#[cfg(feature = "docker")]
mod docker;
mod error;
mod group;
mod limit;
mod lxc;
mod lxc_config;

use crate::config::{ActuatorKind, Actuators};
use crate::journal::Outcome;
use crate::target::{Dimension, Resource, Target, TargetId};
use crate::units::Limit;

pub use error::{ActuateError, Unsupported};

use limit::or_max;

/// Reads and writes the limits of targets. Cheap to keep; holds no open file and no connection.
#[derive(Debug)]
pub struct Actuator(Kind);

#[derive(Debug)]
enum Kind {
    Cgroup(cgroup::Cgroup),
    #[cfg(feature = "docker")]
    Docker(docker::Docker),
    Lxc(lxc::Lxc),
}

impl Actuator {
    /// The actuator of this kind. Reaches for nothing yet.
    ///
    /// # Errors
    /// The kind was left out of this build.
    pub fn new(kind: ActuatorKind, config: &Actuators) -> Result<Self, Unsupported> {
        Ok(Self(match kind {
            ActuatorKind::Cgroup => Kind::Cgroup(cgroup::Cgroup::new(&config.cgroup)),
            #[cfg(feature = "docker")]
            ActuatorKind::Docker => Kind::Docker(docker::Docker::new(config)),
            #[cfg(not(feature = "docker"))]
            ActuatorKind::Docker => return Err(Unsupported("docker")),
            ActuatorKind::Lxc => Kind::Lxc(lxc::Lxc::new(config)),
        }))
    }

    /// The size that `target` has now: cores or bytes, as the kernel has it.
    ///
    /// # Errors
    /// The target cannot be found, reached or understood.
    pub async fn read(
        &self,
        target: &Target,
        dimension: Dimension,
    ) -> Result<Limit<f64>, ActuateError> {
        let resource = dimension.resource().ok_or_else(|| no_limit(target, dimension))?;
        match &self.0 {
            Kind::Cgroup(a) => Ok(a.read(target, resource).await?.size()),
            #[cfg(feature = "docker")]
            Kind::Docker(a) => Ok(a.read(target, resource).await?.size()),
            Kind::Lxc(a) => Ok(a.read(target, resource).await?.size()),
        }
    }

    /// Gives `target` the size `to`: cores or bytes. Success means that the size was read back, to
    /// within the kernel's rounding (a microsecond of quota, a page of memory); where it could not be
    /// reached, the old size is put back.
    pub async fn apply(&self, target: &Target, dimension: Dimension, to: f64) -> Outcome {
        let Some(resource) = dimension.resource() else {
            return Outcome::Failed { size: None, error: no_limit(target, dimension).to_string() };
        };
        match &self.0 {
            Kind::Cgroup(a) => change(a, target, resource, to).await,
            #[cfg(feature = "docker")]
            Kind::Docker(a) => change(a, target, resource, to).await,
            Kind::Lxc(a) => {
                let _one_at_a_time = a.lock().await;
                change(a, target, resource, to).await
            }
        }
    }
}

fn no_limit(target: &Target, dimension: Dimension) -> ActuateError {
    ActuateError::lasting(
        &target.id,
        dimension.name(),
        "these actuators move the limits of one container",
        "use the mode advise for this dimension",
    )
}

/// What was found before a change: enough to put it back.
trait Saved: PartialEq {
    /// The size in force: cores or bytes.
    fn size(&self) -> Limit<f64>;

    /// The difference that the kernel's rounding can make: cores or bytes.
    fn grain(&self) -> f64;
}

/// The three things an actuator can do; [`change`] joins them.
trait Actuate {
    type Saved: Saved;

    /// Reads what is in force.
    async fn read(&self, target: &Target, resource: Resource) -> Result<Self::Saved, ActuateError>;

    /// Writes the size `to`, where `before` was found.
    async fn write(
        &self,
        target: &Target,
        before: &Self::Saved,
        to: f64,
    ) -> Result<(), ActuateError>;

    /// Puts `before` back, from whatever is there now.
    async fn restore(&self, target: &Target, before: &Self::Saved) -> Result<(), ActuateError>;
}

async fn change<A: Actuate>(actuator: &A, target: &Target, resource: Resource, to: f64) -> Outcome {
    let before = match actuator.read(target, resource).await {
        Ok(before) => before,
        Err(error) => return Outcome::Failed { size: None, error: error.to_string() },
    };
    let written = actuator.write(target, &before, to).await;
    let after = actuator.read(target, resource).await;
    let error = match (written, &after) {
        (Ok(()), Ok(after)) if is_near(after, to) => {
            return Outcome::Applied { size: after.size() };
        }
        (Ok(()), Ok(after)) => {
            let found = or_max(after.size());
            format!("{}: wrote the {resource} size {to}, read back {found}", target.id)
        }
        (Ok(()), Err(error)) => error.to_string(),
        (Err(error), _) => error.to_string(),
    };
    match after {
        // Refused before anything was touched: there is nothing to put back.
        Ok(after) if after == before => Outcome::Failed { size: Some(after.size()), error },
        _ => roll_back(actuator, target, resource, &before, error).await,
    }
}

async fn roll_back<A: Actuate>(
    actuator: &A,
    target: &Target,
    resource: Resource,
    before: &A::Saved,
    error: String,
) -> Outcome {
    let restored = actuator.restore(target, before).await;
    let old = or_max(before.size());
    let size = actuator.read(target, resource).await.map(|now| now.size());
    match (restored, size) {
        (Ok(()), Ok(size)) if size == before.size() => Outcome::RolledBack { size, error },
        (Ok(()), size) => Outcome::Failed {
            size: size.ok(),
            error: format!("{error}; the old size {old} did not come back"),
        },
        (Err(second), size) => Outcome::Failed {
            size: size.ok(),
            error: format!("{error}; the old size {old} could not be put back: {second}"),
        },
    }
}

fn is_near<S: Saved>(saved: &S, to: f64) -> bool {
    saved.size().value().is_some_and(|size| (size - to).abs() <= saved.grain())
}

/// Runs `work`, which may wait for the kernel (a shrinking memory limit reclaims first), off the
/// threads that serve everything else.
async fn blocking<T: Send + 'static>(
    target: &TargetId,
    work: impl FnOnce() -> Result<T, ActuateError> + Send + 'static,
) -> Result<T, ActuateError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| {
        Err(ActuateError::passing(
            target,
            "the thread that reaches for the kernel's files",
            stopped.to_string(),
            "loadline is stopping, or has a defect that its log shows",
        ))
    })
}

#[cfg(test)]
mod tests;
