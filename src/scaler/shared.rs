//! What the loop and the HTTP interface share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use super::engine::Engine;
use super::gauges::LoopMetrics;
use super::now;
use crate::alerts::Host;
use crate::config::{Alerts, Config};
use crate::journal::{AlertEvent, Journal, JournalError, Pause, Record};
use crate::target::TargetId;
use crate::units::Timestamp;

/// What the loop and the HTTP interface share.
pub struct Shared {
    /// The targets.
    pub engine: Arc<RwLock<Engine>>,
    /// The loop's counters.
    pub metrics: LoopMetrics,
    pub(super) journal: Arc<Mutex<Journal>>,
    config: RwLock<Arc<Config>>,
    pauses: Mutex<Vec<Pause>>,
}

impl Shared {
    /// What is shared at the start.
    pub(super) fn new(
        engine: Engine,
        journal: Arc<Mutex<Journal>>,
        config: Config,
        pauses: Vec<Pause>,
    ) -> Self {
        Self {
            engine: Arc::new(RwLock::new(engine)),
            metrics: LoopMetrics::default(),
            journal,
            config: RwLock::new(Arc::new(config)),
            pauses: Mutex::new(pauses),
        }
    }

    /// Puts another configuration in force.
    pub(super) fn set_config(&self, config: Config) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Holds a target, or all of them, where they are.
    ///
    /// # Errors
    /// The journal could not be written; then nothing is paused.
    pub fn pause(&self, pause: Pause) -> Result<(), JournalError> {
        self.journal().append(Record::Pause(pause.clone()))?;
        self.pauses().push(pause);
        Ok(())
    }

    /// Takes back the pauses of `target`, or those of all targets at once.
    ///
    /// # Errors
    /// The journal could not be written; then the pauses stand.
    pub fn resume(&self, target: Option<TargetId>, at: Timestamp) -> Result<(), JournalError> {
        self.journal().append(Record::Resume { at, target: target.clone() })?;
        self.pauses().retain(|pause| pause.target != target);
        Ok(())
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pauses(&self) -> MutexGuard<'_, Vec<Pause>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn engine(&self) -> RwLockWriteGuard<'_, Engine> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn paused(
        &self,
        targets: impl Iterator<Item = TargetId>,
        at: Timestamp,
    ) -> BTreeSet<TargetId> {
        let mut pauses = self.pauses();
        pauses.retain(|pause| pause.stands(at));
        targets.filter(|target| pauses.iter().any(|pause| pause.holds(target, at))).collect()
    }
}

/// The webhook's view of the scaler.
pub struct AlertHost(pub(super) Arc<Shared>);

impl Host for AlertHost {
    fn now(&self) -> Timestamp {
        now()
    }

    fn settings(&self) -> Alerts {
        self.0.config().alerts.clone()
    }

    async fn persist(&self, events: Vec<AlertEvent>) -> Result<(), String> {
        let shared = self.0.clone();
        let write = move || {
            let mut journal = shared.journal();
            events.into_iter().try_for_each(|event| journal.append(Record::Alert(event)))
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("the journal's writer ended".to_owned()),
        }
    }

    fn answered(&self, result: &'static str) {
        self.0.metrics.webhook(result);
    }
}
