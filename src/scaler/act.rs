//! The doing half of the loop: a decision → intent on disk → changed world → outcome on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::actuate::Actuator;
use crate::config::ActuatorKind;
use crate::guard::Decision;
use crate::journal::{Intent, Journal, JournalError, Outcome, Reconcile, reconcile, same_size};
use crate::policy::Action;
use crate::target::Target;
use crate::units::{Limit, Timestamp};

/// What became of one decision.
#[derive(Debug)]
pub enum Acted {
    /// The actuator was asked to change the world.
    Done(Outcome),
    /// The real size is not the one that the decision rests on; nothing was changed.
    Superseded(Limit<f64>),
    /// The real size could not be read; nothing was changed.
    Unreadable(String),
}

/// What became of an intent of before a restart.
#[derive(Debug)]
pub struct Finished {
    /// Whether the world now has the wanted size.
    pub applied: bool,
    /// What was found and done, for a person.
    pub what: String,
}

/// The actuators, and the journal that stands before them.
pub struct Hands {
    actuators: BTreeMap<ActuatorKind, Actuator>,
    journal: Arc<Mutex<Journal>>,
}

impl Hands {
    /// Hands with these actuators.
    pub fn new(actuators: BTreeMap<ActuatorKind, Actuator>, journal: Arc<Mutex<Journal>>) -> Self {
        Self { actuators, journal }
    }

    /// Carries out `decision` on `target`. Reads the real size first: where it is not the size that
    /// the decision rests on, somebody else has changed it, and the decision is void.
    ///
    /// # Errors
    /// The journal could not be written: then nothing was changed.
    pub async fn carry_out(
        &self,
        decision: &Decision,
        target: &Target,
        kind: ActuatorKind,
        at: Timestamp,
    ) -> Result<Acted, JournalError> {
        let (Some(actuator), Some(to)) = (self.actuators.get(&kind), decision.desired) else {
            return Ok(Acted::Unreadable("the rule has no actuator".to_owned()));
        };
        let dimension = decision.dimension;
        let real = match actuator.read(target, dimension).await {
            Ok(size) => size,
            Err(error) => return Ok(Acted::Unreadable(error.to_string())),
        };
        if decision.current.is_none_or(|known| !same_size(dimension, known, real)) {
            return Ok(Acted::Superseded(real));
        }
        let reason = decision.reasons.join("; ");
        let intent = self.journal().intend(at, target.clone(), dimension, real, to, reason)?;
        let outcome = actuator.apply(target, dimension, to).await;
        self.journal().settle(&intent, at, outcome.clone())?;
        Ok(Acted::Done(outcome))
    }

    /// Ends an intent that a crash left without an outcome: reached, it is recorded; not begun, a
    /// growth is made now, while a shrink is dropped, as the load may have changed since; otherwise
    /// the size is somebody else's.
    ///
    /// # Errors
    /// The journal could not be written.
    pub async fn finish(
        &self,
        intent: &Intent,
        kind: Option<ActuatorKind>,
        at: Timestamp,
    ) -> Result<Finished, JournalError> {
        let actuator = kind.and_then(|kind| Some((kind, self.actuators.get(&kind)?)));
        let Some((kind, actuator)) = actuator else {
            let error = "its rule is gone or does not act any more".to_owned();
            self.journal().settle(
                intent,
                at,
                Outcome::Failed { size: None, error: error.clone() },
            )?;
            return Ok(Finished { applied: false, what: error });
        };
        let real = actuator.read(&intent.target, intent.dimension).await;
        let size = real.as_ref().ok().copied();
        let dropped =
            |error: &str| (Outcome::Failed { size, error: error.to_owned() }, error.to_owned());
        let (outcome, what) = match reconcile(intent, real) {
            // The running container has the size; whether its file has it, too, is not known.
            Reconcile::AlreadyDone if kind == ActuatorKind::Lxc => {
                let outcome = actuator.apply(&intent.target, intent.dimension, intent.to).await;
                (outcome, "it had been made, at least half, and is made whole".to_owned())
            }
            Reconcile::AlreadyDone => {
                let size = size.unwrap_or(Limit::At(intent.to));
                (Outcome::Applied { size }, "it had been made".to_owned())
            }
            Reconcile::Redo if intent.direction() == Action::ScaleUp => {
                let outcome = actuator.apply(&intent.target, intent.dimension, intent.to).await;
                (outcome, "it had not been made and is made now".to_owned())
            }
            Reconcile::Redo => dropped("a shrink that was not made is decided anew"),
            Reconcile::Foreign(_) => dropped("somebody else has changed the size since"),
            Reconcile::Unknown => {
                let what = "the real size cannot be read, looking again at the next start";
                return Ok(Finished { applied: false, what: what.to_owned() });
            }
        };
        let applied = matches!(outcome, Outcome::Applied { .. });
        self.journal().settle(intent, at, outcome)?;
        Ok(Finished { applied, what })
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
