//! What the loop and the HTTP interface share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::engine::{Engine, Lesson};
use super::event::Event;
use super::gauges::LoopMetrics;
use super::now;
use super::recording::{Line, Recorder};
use crate::alerts::Host;
use crate::config::{Alerts, Config};
use crate::detect::DetectError;
use crate::guard::Decision;
use crate::journal::{AlertEvent, Journal, JournalError, Pause, Record};
use crate::target::{Target, TargetId};
use crate::units::Timestamp;

/// What the loop and the HTTP interface share.
pub struct Shared {
    /// The targets.
    pub engine: Arc<RwLock<Engine>>,
    /// The loop's counters.
    pub metrics: LoopMetrics,
    pub(super) journal: Arc<Mutex<Journal>>,
    recorder: Mutex<Option<Recorder>>,
    config: RwLock<Arc<Config>>,
    pauses: Mutex<Vec<Pause>>,
}

impl Shared {
    /// What is shared at the start.
    pub(super) fn new(
        engine: Engine,
        journal: Arc<Mutex<Journal>>,
        recorder: Option<Recorder>,
        config: Config,
        pauses: Vec<Pause>,
    ) -> Self {
        Self {
            engine: Arc::new(RwLock::new(engine)),
            metrics: LoopMetrics::default(),
            journal,
            recorder: Mutex::new(recorder),
            config: RwLock::new(Arc::new(config)),
            pauses: Mutex::new(pauses),
        }
    }

    /// Puts another configuration in force.
    pub(super) fn set_config(&self, config: Config) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// The target of this id.
    pub(super) fn target(&self, id: &TargetId) -> Option<Target> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).target(id).cloned()
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

    /// Tells the engine something, and the recording of it.
    ///
    /// # Errors
    /// As [`Event::tell`]; nothing has changed then, and nothing is recorded.
    pub(super) fn tell(&self, event: Event) -> Result<Vec<Decision>, DetectError> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(recorder) = recorder.as_mut() else { return event.tell(&mut engine) };
        let is_tick = matches!(event, Event::Tick { .. });
        let line = Line::Event(Box::new(event.clone()));
        let decisions = event.tell(&mut engine)?;
        recorder.note(&line);
        if is_tick {
            recorder.note(&Line::Decided(decisions.clone()));
        }
        Ok(decisions)
    }

    /// Tells the engine what a policy has learnt, and the recording of what it was taught. That it takes
    /// its time keeps nobody from the engine.
    pub(super) fn school(&self, lesson: Lesson) {
        let graduate = lesson.learn();
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        engine.graduate(graduate);
        if let Some(recorder) = recorder.as_mut() {
            recorder.note(&Line::Event(Box::new(Event::School(lesson))));
        }
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
