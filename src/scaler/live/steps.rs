//! The steps of a tick, and what comes before the first one.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, SendError, Sender};
use std::sync::{Arc, PoisonError};
use std::{io, thread};

use super::{Runner, ScalerError};
use crate::alerts::AlertBook;
use crate::config::{ActuatorKind, Config};
use crate::guard::Decision;
use crate::journal::{Outcome, Record, Recovered, Suggestion, SuggestionsLog};
use crate::policy::Action;
use crate::promql::{Client, Piece};
use crate::scaler::act::{Acted, Hands};
use crate::scaler::engine::{Change, Lesson, RuleSettings};
use crate::scaler::event::{Event, Stood};
use crate::scaler::gauges::{LoopMetrics, seeds};
use crate::scaler::history::Asked;
use crate::scaler::models::ModelFiles;
use crate::scaler::now;
use crate::scaler::observed::Observed;
use crate::scaler::shared::Shared;
use crate::scaler::standing::RuleStanding;
use crate::target::{Dimension, Mode, Target, TargetId};
use crate::units::Timestamp;

/// What the engine is told before anything is asked: settings, saved models, what the journal remembers.
pub(super) fn begin(
    shared: &Shared,
    rows: usize,
    models: &mut ModelFiles,
    recovered: &Recovered,
) -> Result<(), ScalerError> {
    let config = shared.config();
    let (detection, forecast) = (config.detection.clone(), config.forecast.clone());
    shared.tell(Event::Start { detection, forecast, rows })?;
    let rules = rule_settings(&config);
    let names: Vec<_> = rules.iter().map(|(name, _)| name.clone()).collect();
    shared.tell(Event::Rules(rules))?;
    models.load(&names, |rule, bytes| shared.tell(Event::models(rule.clone(), &bytes)).map(|_| ()));
    for ((target, dimension), guard) in &recovered.guard {
        let directions =
            [(Action::ScaleUp, guard.last_growth), (Action::ScaleDown, guard.last_shrink)];
        for (direction, at) in directions.into_iter().filter_map(|(d, at)| Some((d, at?))) {
            let (target, dimension) = (target.clone(), *dimension);
            shared.tell(Event::Remember(Change { target, dimension, direction, at }))?;
        }
    }
    Ok(())
}

/// Tells the engine what it cannot refuse; were it to, the log says so and nothing is decided.
pub(super) fn tell(shared: &Shared, event: Event) -> Vec<Decision> {
    shared.tell(event).unwrap_or_else(|error| {
        tracing::error!("{error}");
        Vec::new()
    })
}

pub(super) fn rule_settings(config: &Config) -> Vec<(Arc<str>, RuleSettings)> {
    config.targets.iter().map(|r| (r.name.as_str().into(), RuleSettings::of(r, config))).collect()
}

/// Lives through a piece of the past, row by row over all targets, as they would have come in.
pub(super) fn recall(shared: &Shared, rule: &str, piece: &Piece) {
    let rule: Arc<str> = rule.into();
    for row in 0..piece.grid.len() {
        let at = piece.grid.at(row as u64);
        for history in &piece.histories {
            if let Some(observed) = Observed::past(&history.target, at, history.rows.get(row)) {
                tell(shared, Event::Recall { rule: rule.clone(), observed });
            }
        }
    }
}

/// Asks Prometheus for all targets of a rule. Without an answer nothing is known of any of them.
pub(super) async fn observe(
    runner: &mut Runner,
    client: &Client,
    metrics: &LoopMetrics,
    at: Timestamp,
) -> Vec<Observed> {
    match runner.observer.observe(client, at).await {
        Ok(round) => {
            for (signal, error) in &round.failures {
                metrics.query_failed(&runner.rule.name);
                tracing::warn!(rule = runner.rule.name, %signal, "{error}");
            }
            for note in &round.notes {
                tracing::warn!(rule = runner.rule.name, "{note}");
            }
            round.targets.into_iter().map(|readings| Observed::now(readings, at)).collect()
        }
        Err(error) => {
            metrics.query_failed(&runner.rule.name);
            tracing::warn!(rule = runner.rule.name, "nothing is known of any target: {error}");
            Vec::new()
        }
    }
}

/// Gives the forecasters and policies of targets that are new their past; policies by way of `school`.
pub(super) async fn teach(
    shared: &Shared,
    runner: &Runner,
    client: &Client,
    asked: &mut Asked,
    school: &Sender<Lesson>,
    at: Timestamp,
) {
    if asked.pauses(&runner.rule, at) {
        return;
    }
    match asked.forecasters(&runner.rule, client, shared, at).await {
        Ok(events) => {
            for event in events {
                tell(shared, event);
            }
        }
        Err(error) => {
            asked.pause(&runner.rule, at);
            tracing::warn!(rule = runner.rule.name, "no past to forecast from yet: {error}");
        }
    }
    match asked.lessons(&runner.rule, client, shared, at).await {
        Ok(lessons) => {
            for lesson in lessons {
                tell(shared, Event::Enrol(lesson.target.clone(), lesson.dimension));
                if let Err(SendError(Lesson { target, dimension, .. })) = school.send(lesson) {
                    tracing::error!(target_id = %target, %dimension, "the policy cannot learn");
                }
            }
        }
        Err(error) => {
            asked.pause(&runner.rule, at);
            tracing::warn!(
                rule = runner.rule.name,
                "no past for policies to learn from yet: {error}"
            );
        }
    }
}

/// Where policies learn: one after the other, beside the loop, which would be late for all of them.
///
/// # Errors
/// No thread can be started.
pub(super) fn open_school(shared: &Arc<Shared>) -> io::Result<Sender<Lesson>> {
    let (school, lessons) = mpsc::channel::<Lesson>();
    let shared = shared.clone();
    let teach = move || {
        for lesson in lessons {
            let (target, dimension) = (lesson.target.clone(), lesson.dimension);
            shared.school(lesson);
            tracing::info!(target_id = %target, %dimension, "the policy has learnt from the past");
        }
    };
    thread::Builder::new().name("school".to_owned()).spawn(teach)?;
    Ok(school)
}

pub(super) fn decide(
    shared: &Shared,
    runner: &Runner,
    book: &AlertBook,
    observed: Vec<Observed>,
    at: Timestamp,
) -> Vec<Decision> {
    let config = shared.config();
    let mut targets: BTreeMap<TargetId, Arc<Target>> = {
        let engine = shared.engine.read().unwrap_or_else(PoisonError::into_inner);
        let of_rule = engine.targets().filter(|(rule, _, _)| ***rule == *runner.rule.name);
        of_rule.map(|(_, _, state)| (state.target.id.clone(), state.target.clone())).collect()
    };
    targets.extend(observed.iter().map(|o| (o.target.id.clone(), o.target.clone())));
    let paused = shared.paused(targets.keys().cloned(), at);
    let of = RuleStanding { book, alerts: &config.alerts, identity: &runner.rule.identity, at };
    let standing = Stood { alerts: of.alerts(targets.values()), paused };
    let rule = runner.rule.name.as_str().into();
    tell(shared, Event::Tick { rule, at, observed, standing })
}

/// Writes the decisions that say something new into the journal and the suggestions log.
pub(super) fn record(
    shared: &Shared,
    suggestions: Option<&mut SuggestionsLog>,
    decisions: Vec<Decision>,
) {
    if let Some(log) = suggestions {
        let of_targets = decisions.chunk_by(|a, b| a.target == b.target);
        for of_one in of_targets.filter(|d| d[0].mode != Mode::Observe) {
            let suggestion = Suggestion::new(of_one[0].at, of_one[0].target.clone(), of_one);
            if let Err(error) = log.note(suggestion) {
                tracing::error!("{error}");
            }
        }
    }
    let mut journal = shared.journal();
    for decision in decisions {
        shared.metrics.decided(decision.dimension, decision.action);
        if decision.dimension == Dimension::Replicas
            && let Some(target) = shared.target(&decision.target)
        {
            let service = seeds::service(&target);
            shared.metrics.predicted(service, decision.action, decision.desired);
        }
        if decision.mode == Mode::Observe {
            continue;
        }
        if let Err(error) = journal.append(Record::Decision(decision)) {
            tracing::error!("{error}");
        }
    }
}

pub(super) async fn carry_out(
    shared: &Shared,
    hands: &Hands,
    decision: &Decision,
    kind: ActuatorKind,
) {
    let (id, dimension) = (&decision.target, decision.dimension);
    let Some(target) = shared.target(id) else { return };
    let acted = match hands.carry_out(decision, &target, kind, now()).await {
        Ok(acted) => acted,
        Err(error) => {
            shared.metrics.acted(dimension, "failed");
            tracing::error!(target_id = %id, %dimension, "nothing was changed: {error}");
            return;
        }
    };
    let at = now();
    let adopt = |size| {
        tell(shared, Event::Adopt { target: id.clone(), dimension, size, at });
    };
    let result = match acted {
        Acted::Done(Outcome::Applied { size }) => {
            tell(shared, Event::Confirm(Change::of(decision, at), size));
            tracing::info!(
                target_id = %id, %dimension, from = ?decision.current, to = ?size,
                "changed: {}", decision.reasons.join("; ")
            );
            "applied"
        }
        Acted::Done(Outcome::RolledBack { size, error }) => {
            adopt(size);
            tracing::error!(target_id = %id, %dimension, "rolled back: {error}");
            "rolled_back"
        }
        Acted::Done(Outcome::Failed { size, error }) => {
            if let Some(size) = size {
                adopt(size);
            }
            tracing::error!(target_id = %id, %dimension, "failed: {error}");
            "failed"
        }
        Acted::Superseded(size) => {
            adopt(size);
            tracing::info!(
                target_id = %id, %dimension, known = ?decision.current, real = ?size,
                "somebody else changed the size, deciding anew"
            );
            "superseded"
        }
        Acted::Unreadable(error) => {
            tracing::error!(target_id = %id, %dimension, "nothing was changed: {error}");
            "failed"
        }
    };
    shared.metrics.acted(dimension, result);
}
