//! The doing half of the loop: a decision → intent on disk → changed world → outcome on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::actuate::Actuator;
use crate::config::ActuatorKind;
use crate::guard::Decision;
use crate::journal::{Intent, Journal, JournalError, Outcome, Reconcile, Record, reconcile};
use crate::target::{Dimension, Target};
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
            return Ok(Acted::Unreadable("no actuator or no size".to_owned()));
        };
        let real = match actuator.read(target, decision.dimension).await {
            Ok(size) => size,
            Err(error) => return Ok(Acted::Unreadable(error.to_string())),
        };
        if decision.current.is_none_or(|known| !same_size(decision.dimension, known, real)) {
            return Ok(Acted::Superseded(real));
        }
        let id = self.journal().next_intent_id();
        let intent = Intent {
            id,
            at,
            target: target.clone(),
            dimension: decision.dimension,
            from: real,
            to,
            reason: decision.reasons.join("; "),
        };
        self.write(Record::Intent(intent))?;
        let outcome = actuator.apply(target, decision.dimension, to).await;
        self.write(Record::Outcome { intent: id, at, outcome: outcome.clone() })?;
        Ok(Acted::Done(outcome))
    }
}
