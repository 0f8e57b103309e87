//! The live loop: Prometheus → engine → journal → actuators, at every tick and at every change of an
//! alert.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::act::{Acted, Hands};
use super::engine::{Change, Engine, RuleSettings, wants_change};
use super::event::{Event, Stood};
use super::gauges::{LoopMetrics, seeds};
use super::history::Asked;
use super::models::ModelFiles;
use super::now;
use super::observed::Observed;
use super::recording::Recorder;
use super::shared::{AlertHost, Shared};
use super::standing::RuleStanding;
use crate::actuate::Actuator;
use crate::alerts::{AlertBook, Intake};
use crate::config::{self, ActuatorKind, Config, TargetRule};
use crate::detect::DetectError;
use crate::guard::Decision;
use crate::journal::{
    Journal, JournalError, Outcome, Record, Recovered, Suggestion, SuggestionsLog,
};
use crate::policy::Action;
use crate::promql::{Client, ClientError, Observer, Piece};
use crate::target::{Dimension, Mode, Target, TargetId};
use crate::units::{Timestamp, duration};

/// A burst of alerts starts at most one tick in this time.
const ALERT_TICK_SPACING: Duration = Duration::from_secs(1);

/// What stops a scaler from starting, or from taking over a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum ScalerError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The client of Prometheus could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The recording cannot be written.
    #[error(transparent)]
    Recording(#[from] std::io::Error),
    /// A parameter of the detection is out of its range.
    #[error(transparent)]
    Detection(#[from] DetectError),
    /// This build lacks an actuator.
    #[error(transparent)]
    Unsupported(#[from] crate::actuate::Unsupported),
}

/// One rule at work.
struct Runner {
    rule: TargetRule,
    observer: Observer,
}

/// What depends on the configuration and is made anew at a reload.
struct Wiring {
    client: Client,
    runners: Vec<Runner>,
    hands: Hands,
    suggestions: Option<SuggestionsLog>,
}

/// What the loop may be asked from outside.
#[derive(Debug)]
pub enum Order {
    /// To read the configuration again; the answer is what came of it.
    Reload(oneshot::Sender<Result<(), String>>),
    /// To look at every target now; the answer comes when it is done.
    Evaluate(oneshot::Sender<()>),
}

/// The scaler, ready to run.
pub struct Live {
    /// What the HTTP interface shares with the loop.
    pub shared: Arc<Shared>,
    /// The way in for alerts.
    pub intake: Arc<Intake<AlertHost>>,
    config_file: PathBuf,
    wiring: Wiring,
    recovered: Recovered,
    models: ModelFiles,
    models_saved_at: Timestamp,
    asked: Asked,
}

impl Live {
    /// Opens the journal and prepares everything that `config`, read from `config_file`, names.
    /// Nothing is asked of Prometheus and nothing is changed yet. `force_save` lets new models take the
    /// place of a file that was refused.
    ///
    /// # Errors
    /// See [`ScalerError`].
    pub fn new(
        config_file: PathBuf,
        config: Config,
        force_save: bool,
    ) -> Result<Self, ScalerError> {
        let (journal, recovered) = Journal::open(&config.journal.path)?;
        let journal = Arc::new(Mutex::new(journal));
        let wiring = Wiring::new(&config, &journal)?;
        let interval = config.global.evaluation_interval;
        let rows = (config.global.history.as_secs_f64() / interval.as_secs_f64()).ceil() as usize;
        let rows = rows.max(1);
        let engine = Engine::new(config.detection.clone(), config.forecast.clone(), rows);
        let recorder = config.journal.recording.as_deref().map(Recorder::open).transpose()?;
        let book = AlertBook::restore(recovered.alerts.iter().cloned());
        let pauses = recovered.pauses.clone();
        let mut models = ModelFiles::new(&config.journal.path, force_save);
        let shared = Arc::new(Shared::new(engine, journal, recorder, config, pauses));
        begin(&shared, rows, &mut models, &recovered)?;
        shared.metrics.reload_success.set(1);
        let rules = shared.config();
        shared.metrics.begin_at_zero(rules.targets.iter().map(|rule| rule.name.as_str()));
        let intake = Arc::new(Intake::new(AlertHost(shared.clone()), book));
        let (models_saved_at, asked) = (now(), Asked::default());
        Ok(Self { shared, intake, config_file, wiring, recovered, models, models_saved_at, asked })
    }

    /// Runs until `shutdown` is ready. `ready` is called after the first look at every target.
    pub async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) {
        tokio::pin!(shutdown);
        let start = async {
            self.finish_intents().await;
            self.backfill().await;
            self.tick().await;
        };
        tokio::select! {
            () = start => ready(),
            () = &mut shutdown => return,
        }
        let mut clock = self.clock();
        clock.reset();
        let intake = self.intake.clone();
        loop {
            tokio::select! {
                _ = clock.tick() => self.tick().await,
                () = intake.changed() => {
                    self.tick().await;
                    tokio::time::sleep(ALERT_TICK_SPACING).await;
                }
                // Whoever asked may have gone; gauges and decisions say how it ended.
                Some(order) = orders.recv() => match order {
                    Order::Reload(answer) => {
                        let _ = answer.send(self.reload().map_err(|error| error.to_string()));
                        clock = self.clock();
                    }
                    Order::Evaluate(answer) => {
                        self.tick().await;
                        let _ = answer.send(());
                    }
                },
                () = &mut shutdown => break,
            }
        }
        self.save_models();
    }

    fn clock(&self) -> tokio::time::Interval {
        let mut clock = tokio::time::interval(self.shared.config().global.evaluation_interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock
    }

    /// Reads the configuration again. A bad file changes nothing.
    fn reload(&mut self) -> Result<(), ScalerError> {
        let result = self.try_reload();
        self.shared.metrics.reload_success.set(i64::from(result.is_ok()));
        match &result {
            Ok(()) => tracing::info!(file = %self.config_file.display(), "configuration reloaded"),
            Err(error) => tracing::error!("configuration not reloaded, the old one stays: {error}"),
        }
        result
    }

    fn try_reload(&mut self) -> Result<(), ScalerError> {
        let config = config::load(&self.config_file)?;
        let wiring = Wiring::new(&config, &self.shared.journal)?;
        self.shared.tell(Event::Rules(rule_settings(&config)))?;
        self.wiring = wiring;
        self.shared.set_config(config);
        Ok(())
    }

    /// Compares every intent that has no outcome with the real size, and ends it.
    async fn finish_intents(&mut self) {
        let default_mode = self.shared.config().global.mode;
        for intent in std::mem::take(&mut self.recovered.unfinished) {
            let rule = self.wiring.runners.iter().find(|r| *r.rule.name == *intent.target.rule);
            let kind = rule
                .filter(|r| r.rule.mode.unwrap_or(default_mode) == Mode::Enforce)
                .and_then(|r| r.rule.actuator);
            match self.wiring.hands.finish(&intent, kind, now()).await {
                Ok(finished) => {
                    if finished.applied {
                        self.tell(Event::Remember(Change {
                            target: intent.target.id.clone(),
                            dimension: intent.dimension,
                            direction: intent.direction(),
                            at: now(),
                        }));
                    }
                    tracing::warn!(
                        target_id = %intent.target.id, dimension = %intent.dimension, intent = intent.id,
                        "an interrupted change was found in the journal: {}", finished.what
                    );
                }
                Err(error) => tracing::error!(intent = intent.id, "{error}"),
            }
        }
    }

    /// Fills the windows from Prometheus's past.
    async fn backfill(&mut self) {
        let config = self.shared.config();
        let (at, step) = (now(), config.global.evaluation_interval);
        let start = at.minus(config.global.history);
        for runner in &self.wiring.runners {
            let rule = runner.rule.name.as_str();
            let past = runner.observer.backfill(&self.wiring.client, start, at.minus(step), step);
            let mut past = match past.await {
                Ok(past) => past,
                Err(error) => {
                    tracing::warn!(rule, "no history to start from: {error}");
                    continue;
                }
            };
            while let Some(piece) = past.next().await {
                recall(&self.shared, rule, &piece);
            }
            for (signal, error) in &past.failures {
                tracing::warn!(rule, %signal, "history lacks a signal: {error}");
            }
            tracing::info!(
                rule,
                targets = past.targets.len(),
                "windows filled with the last {}",
                duration::format(config.global.history)
            );
        }
    }

    /// Tells the engine what it cannot refuse.
    fn tell(&self, event: Event) {
        tell(&self.shared, event);
    }

    fn save_models(&mut self) {
        self.models_saved_at = now();
        let engine = self.shared.engine.read().unwrap_or_else(PoisonError::into_inner);
        match engine.save_models() {
            Ok(saved) => self.models.save(saved),
            Err(error) => tracing::warn!("models not saved: {error}"),
        }
    }

    /// Looks at every target of every rule, decides, and carries out what is to be done.
    async fn tick(&mut self) {
        let started = Instant::now();
        let book = self.intake.book().await;
        let mut wanted = Vec::new();
        for runner in &mut self.wiring.runners {
            let at = now();
            let observed = observe(runner, &self.wiring.client, &self.shared.metrics, at).await;
            let decisions = decide(&self.shared, runner, &book, observed, at);
            teach(&self.shared, runner, &self.wiring.client, &mut self.asked, at).await;
            let changes = decisions.iter().filter(|d| wants_change(d) && d.mode == Mode::Enforce);
            if let Some(kind) = runner.rule.actuator {
                wanted.extend(changes.map(|d| (d.clone(), kind)));
            }
            record(&self.shared, self.wiring.suggestions.as_mut(), decisions);
        }
        for (decision, kind) in wanted {
            carry_out(&self.shared, &self.wiring.hands, &decision, kind).await;
        }
        if now().since(self.models_saved_at) >= self.shared.config().detection.refit_interval {
            self.save_models();
        }
        self.shared.metrics.tick_duration_seconds.set(started.elapsed().as_secs_f64());
    }
}

impl Wiring {
    /// Prepares the client, the observers and the actuators that `config` names.
    fn new(config: &Config, journal: &Arc<Mutex<Journal>>) -> Result<Self, ScalerError> {
        let mut actuators = BTreeMap::new();
        for kind in config.targets.iter().filter_map(|rule| rule.actuator) {
            actuators.insert(kind, Actuator::new(kind, &config.actuators)?);
        }
        let runners = config.targets.iter().map(|rule| Runner {
            observer: Observer::new(rule, &config.prometheus),
            rule: rule.clone(),
        });
        Ok(Self {
            client: Client::new(&config.prometheus)?,
            runners: runners.collect(),
            hands: Hands::new(actuators, journal.clone()),
            suggestions: match &config.journal.suggestions_log {
                Some(path) => Some(SuggestionsLog::open(path)?),
                None => None,
            },
        })
    }
}

/// What the engine is told before anything is asked: settings, saved models, what the journal remembers.
fn begin(
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
fn tell(shared: &Shared, event: Event) -> Vec<Decision> {
    shared.tell(event).unwrap_or_else(|error| {
        tracing::error!("{error}");
        Vec::new()
    })
}

fn rule_settings(config: &Config) -> Vec<(Arc<str>, RuleSettings)> {
    config.targets.iter().map(|r| (r.name.as_str().into(), RuleSettings::of(r, config))).collect()
}

/// Lives through a piece of the past, row by row over all targets, as they would have come in.
fn recall(shared: &Shared, rule: &str, piece: &Piece) {
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
async fn observe(
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

/// Gives the forecasters of new targets their past, after the tick that found them.
async fn teach(
    shared: &Shared,
    runner: &Runner,
    client: &Client,
    asked: &mut Asked,
    at: Timestamp,
) {
    match asked.ask(&runner.rule, client, shared, at).await {
        Ok(events) => {
            for event in events {
                tell(shared, event);
            }
        }
        Err(error) => {
            tracing::warn!(rule = runner.rule.name, "no past to forecast from yet: {error}");
        }
    }
}

fn decide(
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
fn record(shared: &Shared, suggestions: Option<&mut SuggestionsLog>, decisions: Vec<Decision>) {
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

async fn carry_out(shared: &Shared, hands: &Hands, decision: &Decision, kind: ActuatorKind) {
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
