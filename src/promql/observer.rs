//! One look at all targets of a rule: which there are, what is known of them, how far to trust it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::queries::{self, ID_LABEL};
use super::{Answer, Client, Freshness, QueryError, SeriesLabels};
use crate::config::{Prometheus, TargetRule};
use crate::target::{Labels, Signal, Target, TargetId};
use crate::units::Timestamp;

/// What is known of one target at one tick.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReadings {
    /// The target.
    pub target: Arc<Target>,
    /// The distance between the tick and the newest sample.
    pub sample_age: Duration,
    /// One value a signal, at [`Signal::index`]; `None` unless it is a finite number.
    pub values: [Option<f64>; Signal::COUNT],
    /// How far to trust each of them.
    pub freshness: [Freshness; Signal::COUNT],
}

/// All targets of a rule at one tick.
#[derive(Debug)]
pub struct Round {
    /// The targets by id: those that were found, and those found lately and not any more.
    pub targets: Vec<TargetReadings>,
    /// The signals that could not be asked for. They are `Empty` in every target.
    pub failures: Vec<(Signal, QueryError)>,
    /// What a person should know, one sentence each; the same words as long as nothing changes.
    pub notes: Vec<String>,
}

/// Looks at the targets of one rule, tick by tick. It remembers the last look: without it neither a
/// restart nor a series that went missing can be told.
pub struct Observer {
    rule: Arc<str>,
    identity: Vec<String>,
    pub(super) discovery: String,
    pub(super) signals: [Option<String>; Signal::COUNT],
    rate_interval: Duration,
    max_sample_age: Duration,
    known: HashMap<TargetId, Known>,
}

/// What is remembered of a target from the last look.
struct Known {
    target: Arc<Target>,
    sampled_at: Timestamp,
    start_time: Option<f64>,
    had: [bool; Signal::COUNT],
}

/// A container that the discovery query returned.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) target: Arc<Target>,
    sampled_at: Timestamp,
}

impl Found {
    fn container(&self) -> &str {
        container(&self.target)
    }
}

/// A target that is not found any more is reported for this many times `max_sample_age`, without
/// values, so that its disappearance is seen as such and not as silence.
const REMEMBERED_AGES: u32 = 5;

/// A signal counts as partial for all targets when it is missing for more than this share of those
/// that had it at the last tick. One series that ends is daily life; many at once are a store that
/// did not answer.
const LOST_SHARE: f64 = 0.01;

impl Observer {
    /// An observer of `rule` that remembers nothing yet.
    pub fn new(rule: &TargetRule, settings: &Prometheus) -> Self {
        Self {
            rule: rule.name.as_str().into(),
            identity: rule.identity.clone(),
            discovery: queries::discovery(rule),
            signals: Signal::ALL.map(|s| queries::signal(rule, s, settings.rate_interval)),
            rate_interval: settings.rate_interval,
            max_sample_age: settings.max_sample_age,
            known: HashMap::new(),
        }
    }

    /// Asks for the targets and, for all of them at once, for every signal, as of `at`.
    ///
    /// Freshness, the worst that holds: no value, `Empty`; not finite, `NaN`; the newest sample more
    /// than `max_sample_age` from `at`, `Stale`; the container started since the last look or within
    /// `rate_interval`, `Reset`; an answer with warnings, or without many series of the last look,
    /// `Partial`.
    ///
    /// # Errors
    /// The discovery query's. Nothing is then known of any target, and nothing is forgotten.
    pub async fn observe(&mut self, client: &Client, at: Timestamp) -> Result<Round, QueryError> {
        let discovered = client.instant(&self.discovery, Some(at)).await?;
        let answers = self.ask_signals(client, at).await;
        Ok(self.join(client, at, &discovered, answers))
    }

    /// What the answers as of `at` say of the targets: the second half of [`Observer::observe`], which
    /// asks nothing. `answers` has one a signal, at [`Signal::index`].
    pub fn join(
        &mut self,
        client: &Client,
        at: Timestamp,
        discovered: &Answer,
        answers: [Result<Answer, QueryError>; Signal::COUNT],
    ) -> Round {
        let mut notes = Vec::new();
        let found = self.newest(discovered, &mut notes);
        let mut targets: Vec<TargetReadings> =
            found.iter().map(|f| self.blank(f.target.clone(), f.sampled_at, at)).collect();
        let index: HashMap<&str, usize> =
            found.iter().enumerate().map(|(i, f)| (f.target.id.as_str(), i)).collect();
        let known: Vec<Option<&Known>> =
            found.iter().map(|f| self.known.get(&f.target.id)).collect();
        let witnesses: Vec<Option<&Known>> =
            targets.iter().zip(&known).map(|(t, k)| k.filter(|k| self.is_witness(t, k))).collect();
        let mut failures = Vec::new();
        for (signal, answer) in Signal::ALL.into_iter().zip(answers) {
            let filled = answer.and_then(|answer| {
                self.fill(signal, &answer, &found, &index, &mut targets)
                    .map_err(|problem| self.unusable(client, signal, problem))?;
                Ok(answer.is_partial || discovered.is_partial)
            });
            match filled {
                Ok(is_partial) => {
                    if is_partial || lost_many(signal, &targets, &witnesses) {
                        worsen(&mut targets, signal, Freshness::Partial);
                    }
                }
                Err(error) => {
                    targets.iter_mut().for_each(|t| t.values[signal.index()] = None);
                    worsen(&mut targets, signal, Freshness::Empty);
                    failures.push((signal, error));
                }
            }
        }
        for (readings, known) in targets.iter_mut().zip(&known) {
            if self.is_reset(readings, *known, at) {
                for freshness in &mut readings.freshness {
                    *freshness = (*freshness).max(Freshness::Reset);
                }
            }
        }
        self.remember(&found, &targets, at);
        let gone = self.known.values().filter(|k| !index.contains_key(k.target.id.as_str()));
        targets.extend(gone.map(|k| self.blank(k.target.clone(), k.sampled_at, at)));
        targets.sort_by(|a, b| a.target.id.cmp(&b.target.id));
        Round { targets, failures, notes }
    }

    /// The newest container of each identity. Of two that were sampled at the same time the one with
    /// the smaller `id` is taken, and a note asks for a better identity.
    pub(super) fn newest(&self, discovered: &Answer, notes: &mut Vec<String>) -> Vec<Found> {
        let mut all = Vec::with_capacity(discovered.series.len());
        let mut unnamed = 0;
        let mut id = String::new();
        for series in &discovered.series {
            if !self.write_id(&series.labels, &mut id) {
                unnamed += 1;
            } else if let Some(sample) = series.samples.last().filter(|s| s.value.is_finite()) {
                let sampled_at = Timestamp::from_seconds(sample.value);
                all.push(Found { target: self.target(&id, &series.labels), sampled_at });
            }
        }
        if unnamed > 0 {
            notes.push(format!(
                "{}: {unnamed} series lack some of the identity labels {}: they are ignored, \
                 narrow the rule's discover selector",
                self.rule,
                self.identity.join(", ")
            ));
        }
        all.sort_by(|a, b| a.target.id.cmp(&b.target.id));
        let twins = all.chunk_by(|a, b| a.target.id == b.target.id);
        twins.filter_map(|found| newest_of(found, notes)).collect()
    }

    /// The target with these labels: as long as they stay the same, that of the last look.
    fn target(&self, id: &str, labels: &SeriesLabels) -> Arc<Target> {
        let named = || labels.iter().filter(|(name, _)| *name != "__name__");
        if let Some(Known { target, .. }) = self.known.get(id)
            && named().count() == target.labels.len()
            && named().all(|(name, value)| label(&target.labels, name) == value)
        {
            return Arc::clone(target);
        }
        let labels = named().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Arc::new(Target { id: id.into(), rule: self.rule.clone(), labels })
    }

    /// Puts the id of the target with these labels into `id`; `false` where an identity label is missing
    /// or empty.
    pub(super) fn write_id(&self, labels: &SeriesLabels, id: &mut String) -> bool {
        let mut values = self.identity.iter().map(|name| labels.get(name).unwrap_or_default());
        TargetId::write(id, &self.rule, values.clone());
        values.all(|value| !value.is_empty())
    }

    /// Every signal's answer at its index, asked for concurrently; the client bounds how many run.
    async fn ask_signals(
        &self,
        client: &Client,
        at: Timestamp,
    ) -> [Result<Answer, QueryError>; Signal::COUNT] {
        let mut tasks = JoinSet::new();
        for signal in Signal::ALL {
            let Some(query) = self.signals[signal.index()].clone() else { continue };
            let client = client.clone();
            tasks.spawn(async move { (signal, client.instant(&query, Some(at)).await) });
        }
        let unread = |signal: Signal| match &self.signals[signal.index()] {
            Some(_) => Err(self.unusable(client, signal, "no answer was read".to_owned())),
            None => Ok(Answer::default()),
        };
        let mut answers = Signal::ALL.map(unread);
        while let Some(task) = tasks.join_next().await {
            if let Ok((signal, answer)) = task {
                answers[signal.index()] = answer;
            }
        }
        answers
    }

    fn unusable(&self, client: &Client, signal: Signal, problem: String) -> QueryError {
        client.unusable(self.signals[signal.index()].as_deref().unwrap_or_default(), problem)
    }

    /// A target of which nothing but the age of its data is known.
    fn blank(&self, target: Arc<Target>, sampled_at: Timestamp, at: Timestamp) -> TargetReadings {
        // A clock that runs ahead by more than the allowed age is no better than one that stands.
        let sample_age = at.since(sampled_at).max(sampled_at.since(at));
        let freshness = [Freshness::Empty; Signal::COUNT];
        TargetReadings { target, sample_age, values: [None; Signal::COUNT], freshness }
    }

    /// Writes the rows of `answer` into `targets`, in which `index` finds the targets of `found`.
    fn fill(
        &self,
        signal: Signal,
        answer: &Answer,
        found: &[Found],
        index: &HashMap<&str, usize>,
        targets: &mut [TargetReadings],
    ) -> Result<(), String> {
        let column = signal.index();
        let mut id = String::new();
        for series in &answer.series {
            let is_named = self.write_id(&series.labels, &mut id);
            let Some(&i) = index.get(id.as_str()).filter(|_| is_named) else {
                continue;
            };
            let container = series.labels.get(ID_LABEL).unwrap_or_default();
            // A rule's own query may have no `id`; a standard one has the predecessor's, too.
            if !container.is_empty() && container != found[i].container() {
                continue;
            }
            let Some(sample) = series.samples.last() else {
                continue;
            };
            let readings = &mut targets[i];
            if readings.freshness[column] != Freshness::Empty {
                return Err(format!(
                    "expected one series a target, found several for {}: aggregate by ({})",
                    readings.target.id,
                    self.identity.join(", ")
                ));
            }
            readings.values[column] = Some(sample.value).filter(|v| v.is_finite());
            readings.freshness[column] = if !sample.value.is_finite() {
                Freshness::NaN
            } else if readings.sample_age > self.max_sample_age {
                Freshness::Stale
            } else {
                Freshness::Fresh
            };
        }
        Ok(())
    }

    /// Whether what a target had at the last look can be expected of it now: it is the same container
    /// still, and did not miss scrapes itself (`rate_interval` spans four).
    fn is_witness(&self, readings: &TargetReadings, known: &Known) -> bool {
        let is_recent = readings.sample_age <= self.rate_interval / 2;
        is_recent && known.target == readings.target
    }

    fn is_reset(&self, readings: &TargetReadings, known: Option<&Known>, at: Timestamp) -> bool {
        let start_time = readings.values[Signal::StartTimeSeconds.index()];
        if start_time.is_some_and(|s| at.since(Timestamp::from_seconds(s)) < self.rate_interval) {
            return true;
        }
        let Some(known) = known else {
            return false;
        };
        let started_anew = match (known.start_time, start_time) {
            (Some(before), Some(now)) => (now - before).abs() > 1.0,
            _ => false,
        };
        started_anew || container(&readings.target) != container(&known.target)
    }

    fn remember(&mut self, found: &[Found], targets: &[TargetReadings], at: Timestamp) {
        for (found, readings) in found.iter().zip(targets) {
            let id = &found.target.id;
            let start_time = readings.values[Signal::StartTimeSeconds.index()];
            let known = Known {
                target: found.target.clone(),
                sampled_at: found.sampled_at,
                start_time: start_time.or(self.known.get(id).and_then(|k| k.start_time)),
                had: readings.freshness.map(|f| f != Freshness::Empty),
            };
            self.known.insert(id.clone(), known);
        }
        let longest = self.max_sample_age.saturating_mul(REMEMBERED_AGES);
        self.known.retain(|_, known| at.since(known.sampled_at) <= longest);
    }
}

/// The newest of the containers of one identity.
fn newest_of(found: &[Found], notes: &mut Vec<String>) -> Option<Found> {
    let order = |a: &&Found, b: &&Found| {
        b.sampled_at.cmp(&a.sampled_at).then_with(|| a.container().cmp(b.container()))
    };
    let newest = found.iter().min_by(order)?;
    let others = found.iter().filter(|f| f.container() != newest.container());
    if let Some(twin) = others.min_by(order).filter(|t| t.sampled_at == newest.sampled_at) {
        notes.push(format!(
            "{}: two live containers share this identity, {} is taken and {} is not: add a label \
             that tells them apart to the rule's identity",
            newest.target.id,
            newest.container(),
            twin.container()
        ));
    }
    Some(newest.clone())
}

/// Whether too many of the `witnesses`, which are what is known of `targets`, had `signal` at the last
/// look and have it no more.
fn lost_many(signal: Signal, targets: &[TargetReadings], witnesses: &[Option<&Known>]) -> bool {
    let column = signal.index();
    let had = |known: &Option<&Known>| known.is_some_and(|known| known.had[column]);
    let now = targets.iter().zip(witnesses).filter(|(_, known)| had(known));
    let (mut had, mut lost) = (0u32, 0u32);
    for (readings, _) in now {
        had += 1;
        lost += u32::from(readings.freshness[column] == Freshness::Empty);
    }
    f64::from(lost) > LOST_SHARE * f64::from(had)
}

fn worsen(targets: &mut [TargetReadings], signal: Signal, to: Freshness) {
    for readings in targets {
        let freshness = &mut readings.freshness[signal.index()];
        *freshness = (*freshness).max(to);
    }
}

/// The cgroup path, or whatever else tells a container from its predecessor.
fn container(target: &Target) -> &str {
    label(&target.labels, ID_LABEL)
}

/// A label's value; a label that is missing is one that is empty.
fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}
