//! What the records of a journal add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{AlertEvent, Intent, Outcome, Pause, Record};
use crate::detect::Assessment;
use crate::guard::{ClipReason, Decision, GuardState};
use crate::policy::Action;
use crate::target::{Dimension, TargetId};
use crate::units::Timestamp;

/// How long the last word on a target or an alert is kept when nothing new is said of it. Longer than
/// any sensible cooldown or alert's time to live; without an end, names that never return would pile up.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a restarted program must know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Intents without an outcome, oldest first: each must be compared with the real size.
    pub unfinished: Vec<Intent>,
    /// The guard's memory, with the last confirmed changes and nothing else.
    pub guard: BTreeMap<(TargetId, Dimension), GuardState>,
    /// The newest event of each alert. Resolved ones too, so that a late repeat is recognised.
    pub alerts: Vec<AlertEvent>,
    /// The pauses that nobody has taken back. Some may have ended by themselves ([`Pause::stands`]).
    pub pauses: Vec<Pause>,
    /// The number of the next intent.
    pub next_id: u64,
    /// How many bytes of a torn last line were cut off. No one was told that it had been written.
    pub torn_bytes: u64,
}

/// The running sum of all records.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next_id: u64,
    newest: Timestamp,
    unfinished: BTreeMap<u64, Intent>,
    confirmed: BTreeMap<(TargetId, Dimension), Confirmed>,
    alerts: BTreeMap<String, AlertEvent>,
    pauses: BTreeMap<Option<TargetId>, Pause>,
    decisions: BTreeMap<(TargetId, Dimension), LastDecision>,
}

/// The last confirmed change in each direction.
#[derive(Debug, Default)]
struct Confirmed {
    growth: Option<Change>,
    shrink: Option<Change>,
}

#[derive(Debug)]
struct Change {
    intent: u64,
    at: Timestamp,
}

/// What a decision must differ in to be worth a line.
#[derive(Debug)]
struct LastDecision {
    at: Timestamp,
    action: Action,
    desired: Option<f64>,
    clips: Vec<ClipReason>,
}

impl LastDecision {
    fn of(decision: &Decision) -> Self {
        Self {
            at: decision.at,
            action: decision.action,
            desired: decision.desired,
            clips: decision.clips.iter().map(|clip| clip.reason).collect(),
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (self.action, self.desired, &self.clips) == (other.action, other.desired, &other.clips)
    }
}

impl Ledger {
    /// The number of the next intent.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Adds a record.
    pub(super) fn apply(&mut self, record: &Record) {
        self.newest = self.newest.max(record.at());
        match record {
            Record::Intent(intent) => {
                self.next_id = self.next_id.max(intent.id.saturating_add(1));
                self.unfinished.insert(intent.id, intent.clone());
            }
            Record::Outcome { intent, at, outcome } => self.finish(*intent, *at, outcome),
            Record::Alert(event) => {
                self.alerts.insert(event.fingerprint.clone(), event.clone());
            }
            Record::Decision(decision) => {
                let key = (decision.target.clone(), decision.dimension);
                self.decisions.insert(key, LastDecision::of(decision));
            }
            Record::Pause(pause) => {
                self.pauses.insert(pause.target.clone(), pause.clone());
            }
            Record::Resume { target, .. } => {
                self.pauses.remove(target);
            }
        }
    }

    fn finish(&mut self, id: u64, at: Timestamp, outcome: &Outcome) {
        // The intent of a kept outcome may have been compacted away: nothing rests on it any more.
        let Some(intent) = self.unfinished.remove(&id) else { return };
        if !matches!(outcome, Outcome::Applied { .. }) {
            return;
        }
        let direction = intent.direction();
        let confirmed = self.confirmed.entry((intent.target.id, intent.dimension)).or_default();
        let change = Some(Change { intent: id, at });
        match direction {
            Action::ScaleUp => confirmed.growth = change,
            Action::ScaleDown => confirmed.shrink = change,
            Action::NoScaling => {}
        }
    }

    /// Whether `record` says nothing that the ledger does not know.
    pub(super) fn repeats(&self, record: &Record) -> bool {
        let Record::Decision(decision) = record else { return false };
        if decision.anomaly.as_ref().is_some_and(Assessment::is_alert) {
            return false;
        }
        self.decisions
            .get(&(decision.target.clone(), decision.dimension))
            .is_some_and(|last| last.says_the_same(&LastDecision::of(decision)))
    }

    /// Forgets what no one will ask for again.
    pub(super) fn forget_old(&mut self) {
        let oldest = self.newest.minus(RETENTION);
        self.alerts.retain(|_, event| event.received_at >= oldest);
        self.decisions.retain(|_, last| last.at >= oldest);
        self.confirmed.retain(|_, confirmed| confirmed.changes().any(|change| change.at >= oldest));
        let newest = self.newest;
        self.pauses.retain(|_, pause| pause.stands(newest));
    }

    /// What a shorter file must still hold.
    pub(super) fn needs(&self) -> Needs<'_> {
        // The last intent is needed for its number: numbers are never given twice.
        let last = self.next_id.checked_sub(1);
        let confirmed = self.confirmed.values().flat_map(Confirmed::changes).map(|c| c.intent);
        let intents = self.unfinished.keys().copied().chain(confirmed).chain(last).collect();
        Needs { ledger: self, intents }
    }

    /// What a restarted program must know.
    pub(super) fn recovered(&self, torn_bytes: u64) -> Recovered {
        Recovered {
            unfinished: self.unfinished.values().cloned().collect(),
            guard: self.confirmed.iter().map(|(k, c)| (k.clone(), c.guard_state())).collect(),
            alerts: self.alerts.values().cloned().collect(),
            pauses: self.pauses.values().cloned().collect(),
            next_id: self.next_id,
            torn_bytes,
        }
    }
}

/// What the ledger rests on.
pub(super) struct Needs<'a> {
    ledger: &'a Ledger,
    intents: BTreeSet<u64>,
}

impl Needs<'_> {
    /// Whether the ledger rests on `record`.
    pub(super) fn contains(&self, record: &Record) -> bool {
        let ledger = self.ledger;
        match record {
            Record::Intent(intent) => self.intents.contains(&intent.id),
            Record::Outcome { intent, .. } => self.intents.contains(intent),
            Record::Alert(event) => ledger.alerts.get(&event.fingerprint) == Some(event),
            Record::Decision(decision) => ledger
                .decisions
                .get(&(decision.target.clone(), decision.dimension))
                .is_some_and(|last| last.at == decision.at),
            Record::Pause(pause) => ledger.pauses.get(&pause.target) == Some(pause),
            Record::Resume { .. } => false,
        }
    }
}

impl Confirmed {
    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.growth.iter().chain(&self.shrink)
    }

    fn guard_state(&self) -> GuardState {
        let mut state = GuardState::default();
        if let Some(change) = &self.growth {
            state.confirmed(change.at, Action::ScaleUp);
        }
        if let Some(change) = &self.shrink {
            state.confirmed(change.at, Action::ScaleDown);
        }
        state
    }
}
