//! The live loop: Prometheus → engine → journal → actuators, at every tick and at every change of an
//! alert.

mod steps;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use steps::{
    begin, carry_out, decide, observe, open_school, recall, record, rule_settings, teach, tell,
};

use super::act::Hands;
use super::engine::{Change, Engine, Lesson, wants_change};
use super::event::Event;
use super::history::Asked;
use super::models::ModelFiles;
use super::now;
use super::recording::Recorder;
use super::shared::{AlertHost, Shared};
use crate::actuate::Actuator;
use crate::alerts::{AlertBook, Intake};
use crate::config::{self, Config, TargetRule};
use crate::detect::DetectError;
use crate::journal::{Journal, JournalError, Recovered, SuggestionsLog};
use crate::promql::{Client, ClientError, Observer};
use crate::target::Mode;
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
    /// Policies have nowhere to learn.
    #[error("no thread can be started for policies to learn in: {0}")]
    School(std::io::Error),
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
    school: Sender<Lesson>,
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
        let school = open_school(&shared).map_err(ScalerError::School)?;
        Ok(Self {
            shared,
            intake,
            config_file,
            wiring,
            recovered,
            models,
            models_saved_at: now(),
            asked: Asked::default(),
            school,
        })
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
            // The first decision is that of a policy that knows the past, or knows that it is learning.
            self.teach().await;
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

    /// Gives all that is known of by now its past.
    async fn teach(&mut self) {
        for runner in &self.wiring.runners {
            let (asked, school) = (&mut self.asked, &self.school);
            teach(&self.shared, runner, &self.wiring.client, asked, school, now()).await;
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
            let (asked, school) = (&mut self.asked, &self.school);
            teach(&self.shared, runner, &self.wiring.client, asked, school, at).await;
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
