//! Arguments → what is played, who plays, and whose forecasts they follow.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::super::forecast::models;
use super::super::{events, trace};
use super::Arguments;
use super::forecast_file;
use crate::config::{self, Policy, PolicyFile, Scale};
use crate::forecast::Series;
use crate::simulate::{Contestant, Setting, Source, quantile};
use crate::target::Dimension;
use crate::units::duration;

/// Anything that is wrong with what was given.
pub(super) type Refused = Box<dyn Error + Send + Sync>;

/// Replicas at the start where nothing is known of the load, as in seed 5's simulator.
const INITIAL: u32 = 2;

/// How long a new replica takes until it serves.
const STARTUP_DELAY: Duration = Duration::from_secs(120);

impl Arguments {
    /// Refuses what would not be read for the dimension that is played.
    pub(super) fn only_what_counts(&self) -> Result<(), String> {
        let of_replicas = [
            ("--capacity", self.capacity.is_some()),
            ("--forecast-file", self.forecast_file.is_some()),
            ("--events", self.events.is_some()),
            ("--startup-delay", self.startup_delay.is_some()),
            ("--initial-replicas", self.initial_replicas.is_some()),
            ("--front", self.front),
        ];
        let of_limits = [("--initial-limit", self.initial_limit.is_some())];
        let (others, dimension) = match self.resource() {
            Some(_) => (&of_replicas[..], "replicas"),
            None => (&of_limits[..], "cpu or memory"),
        };
        match others.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(format!("{flag}: it counts with --dimension {dimension} only")),
            None => Ok(()),
        }
    }

    /// The settings of `--config`.
    pub(super) fn settings(&self) -> Result<PolicyFile, Refused> {
        Ok(self.config.as_deref().map(config::load_policy).transpose()?.unwrap_or_default())
    }

    /// What is played, and how.
    pub(super) fn setting(&self, settings: &PolicyFile) -> Result<Setting, Refused> {
        if self.max_replicas < self.min_replicas {
            let (least, most) = (self.min_replicas, self.max_replicas);
            return Err(format!("--max-replicas: expected at least {least}, found {most}").into());
        }
        let load = self.load(settings)?;
        let test_from = self.test_from(&load)?;
        let every = self.every(&load)?;
        let initial = self.initial_replicas.unwrap_or_else(|| self.initial(&load, test_from));
        Ok(Setting {
            test_from,
            capacity: self.capacity(),
            startup_delay: self.startup_delay(),
            every,
            bounds: Scale { min: f64::from(self.min_replicas), max: f64::from(self.max_replicas) },
            initial: initial.clamp(self.min_replicas, self.max_replicas),
            net: self.safety_net.into(),
            price: self.price,
            service_time: self.service_time,
            objective: self.objective,
            load,
        })
    }

    /// By default as in seed 5's simulator where forecasts come from a file, as they do there: what is
    /// expected of a sample decides for that sample.
    fn startup_delay(&self) -> Duration {
        let default = if self.forecast_file.is_some() { Duration::ZERO } else { STARTUP_DELAY };
        self.startup_delay.unwrap_or(default)
    }

    /// The load that one replica carries; the command line asks for it where replicas are sized.
    fn capacity(&self) -> f64 {
        self.capacity.unwrap_or(1.0)
    }

    /// The load, from the file or from Prometheus.
    pub(super) fn load(&self, settings: &PolicyFile) -> Result<Series, Refused> {
        let series = match (&self.trace, &self.column) {
            (Some(path), Some(column)) => {
                trace::read(path, self.time_column.as_deref(), column, self.history.step())?
            }
            _ => self.fetched(settings)?,
        };
        match series.values.iter().find(|value| **value < 0.0) {
            Some(value) => {
                Err(format!("the load is {value} somewhere: expected at least 0").into())
            }
            None => Ok(series),
        }
    }

    /// The one column of the answer, or the one that is named.
    fn fetched(&self, settings: &PolicyFile) -> Result<Series, Refused> {
        let mut rows = self.history.fetch(settings.prometheus.clone())?;
        let columns = rows.columns();
        let place = match &self.column {
            Some(name) => columns.iter().position(|column| column == name),
            None => Some(0).filter(|_| columns.len() == 1),
        };
        let Some(place) = place else {
            return Err(format!(
                "--query: expected one series, found {}: name one with --column, or sum them up",
                columns.join(", ")
            )
            .into());
        };
        let mut samples = Vec::new();
        while let Some(row) = rows.next_row() {
            samples.push((row.at, row.values.get(place).copied().flatten()));
        }
        Ok(Series::from_samples(samples, self.history.step())?)
    }

    pub(super) fn test_from(&self, load: &Series) -> Result<usize, Refused> {
        let Some(until) = self.train_until else { return Ok(0) };
        let test_from = load.before(until);
        if test_from == 0 || test_from >= load.values.len() {
            let last = load.at(load.values.len().saturating_sub(1));
            return Err(format!(
                "--train-until: expected a time after {} and not after {last}, found {until}",
                load.start
            )
            .into());
        }
        Ok(test_from)
    }

    /// How many samples lie between two decisions.
    pub(super) fn every(&self, load: &Series) -> Result<usize, Refused> {
        let (interval, step) = (self.interval.as_millis(), load.step.as_millis());
        if interval == 0 {
            return Err("--interval: expected a duration above 0, found 0s".into());
        }
        if interval < step {
            tracing::warn!(
                "the load has a sample every {} only, so there is no decision every {}",
                duration::format(load.step),
                duration::format(self.interval)
            );
            return Ok(1);
        }
        if !interval.is_multiple_of(step) {
            return Err(format!(
                "--interval: expected a multiple of {}, which lies between two samples of the load; \
                 found {}",
                duration::format(load.step),
                duration::format(self.interval)
            )
            .into());
        }
        Ok(usize::try_from(interval / step)?)
    }

    /// As many as carry the load's 95th percentile before the test. A capacity that was derived from
    /// that percentile gives a whole number, whatever the last bit of the division says.
    fn initial(&self, load: &Series, test_from: usize) -> u32 {
        if self.forecast_file.is_some() {
            return INITIAL;
        }
        let training = load.values.get(..test_from).unwrap_or_default();
        quantile(training.iter().copied(), 0.95)
            .map_or(INITIAL, |high| (high / self.capacity() - 1e-6).ceil() as u32)
    }

    /// Who is compared, the oracle last.
    pub(super) fn contestants(&self, settings: &PolicyFile) -> Result<Vec<Contestant>, Refused> {
        let all = || Policy::names(Dimension::Replicas).into_iter().map(str::to_owned).collect();
        let mut names: Vec<String> = self.policies.clone().unwrap_or_else(all);
        if let (Some(policy), None) = (&settings.policy, &self.policies)
            && !names.iter().any(|name| name == policy.name())
        {
            names.push(policy.name().to_owned());
        }
        let mut contestants: Vec<Contestant> = Vec::new();
        for name in &names {
            let policy = self.policy(name, settings)?;
            if contestants.iter().any(|one| one.name == *name) {
                return Err(format!("--policies: {name} stands there twice").into());
            }
            let contestant = Contestant::new(policy, settings.guard.clone(), self.cooldown);
            contestants.push(Contestant { name: name.clone(), ..contestant });
        }
        if self.front {
            contestants.extend((40..=100).step_by(5).map(Contestant::hpa_at));
        }
        contestants.push(Contestant::oracle(self.cooldown));
        Ok(contestants)
    }

    /// The policy of this name: the configured one where it has it.
    fn policy(&self, name: &str, settings: &PolicyFile) -> Result<Policy, String> {
        let configured = settings.policy.as_ref().filter(|policy| policy.name() == name).cloned();
        configured
            .or_else(|| Policy::named(name))
            .filter(|policy| policy.supports(Dimension::Replicas))
            .ok_or_else(|| {
                let names = Policy::names(Dimension::Replicas).join(", ");
                format!("--policies: there is no policy {name:?} of replicas; policies: {names}")
            })
    }

    /// Whose forecasts are followed.
    pub(super) fn sources(&self, setting: &Setting) -> Result<Vec<Source>, Refused> {
        if let Some(path) = &self.forecast_file {
            return Ok(vec![forecast_file::read(path, &setting.load, setting.acts_at_once())?]);
        }
        let mut sources: Vec<Source> = Vec::new();
        for name in &self.forecasters {
            if sources.iter().any(|source| source.name() == name) {
                return Err(format!("--forecasters: {name} stands there twice").into());
            }
            sources.push(source(name)?);
        }
        let kinds = sources.iter().flat_map(|source| match source {
            Source::Models { kinds, .. } => kinds.clone(),
            _ => Vec::new(),
        });
        let known = events::calendar(self.events.as_deref(), kinds, "--forecasters")?;
        for source in &mut sources {
            if let Source::Models { events, .. } = source {
                *events = Arc::clone(&known);
            }
        }
        Ok(sources)
    }
}

/// The forecaster of this name.
fn source(name: &str) -> Result<Source, String> {
    if name == Source::SHORT_TERM {
        return Ok(Source::ShortTerm);
    }
    let kinds = models(name).map_err(|error| {
        format!("--forecasters: {name:?} is not {}, and no model: {error}", Source::SHORT_TERM)
    })?;
    Ok(Source::Models { name: name.to_owned(), kinds, events: Arc::default() })
}
