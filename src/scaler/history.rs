//! The past of what is forecast and of services, asked of Prometheus once for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use super::engine::{Lesson, usage_of};
use super::event::Event;
use super::shared::Shared;
use crate::config::{Config, TargetRule};
use crate::promql::{Client, Grid, QueryError, queries};
use crate::target::{Dimension, TargetId};
use crate::units::{Timestamp, duration};

/// Whose past has been asked for, with or without an answer: none is asked for twice, and what is missing
/// then is learnt by and by.
#[derive(Debug, Default)]
pub struct Asked {
    /// By whose forecasters.
    forecasters: BTreeSet<(TargetId, Dimension)>,
    /// By whose policy of replicas.
    policies: BTreeSet<TargetId>,
}

impl Asked {
    /// The events that tell the past of every target of `rule` that is forecast and was not asked for
    /// yet. The first answer counts.
    ///
    /// # Errors
    /// The first query without an answer, with its dimension.
    pub async fn forecasters(
        &mut self,
        rule: &TargetRule,
        client: &Client,
        shared: &Shared,
        at: Timestamp,
    ) -> Result<Vec<Event>, QueryError> {
        let (wanted, settings) = {
            let engine = shared.engine.read().unwrap_or_else(PoisonError::into_inner);
            (engine.forecast_of(&rule.name), engine.forecast().clone())
        };
        let new: BTreeSet<_> =
            wanted.into_iter().filter(|key| !self.forecasters.contains(key)).collect();
        let dimensions: BTreeSet<Dimension> = new.iter().map(|(_, dimension)| *dimension).collect();
        let mut events = Vec::new();
        for dimension in dimensions {
            let question =
                Question { rule, dimension, step: settings.step, length: settings.history };
            for (target, (start, values)) in question.ask(client, &shared.config(), at).await? {
                if new.contains(&(target.clone(), dimension)) {
                    let step = settings.step;
                    events.push(Event::Learn { target, dimension, start, step, values });
                }
            }
        }
        self.forecasters.extend(new);
        Ok(events)
    }

    /// The lessons of every service of `rule` whose policy learns and was not asked for yet.
    ///
    /// # Errors
    /// The query has no answer.
    pub async fn lessons(
        &mut self,
        rule: &TargetRule,
        client: &Client,
        shared: &Shared,
        at: Timestamp,
    ) -> Result<Vec<Lesson>, QueryError> {
        let (wanted, length) = {
            let engine = shared.engine.read().unwrap_or_else(PoisonError::into_inner);
            (engine.lessons(&rule.name), engine.forecast().history)
        };
        let new: Vec<Lesson> =
            wanted.into_iter().filter(|lesson| !self.policies.contains(&lesson.target)).collect();
        let Some(step) = new.first().map(|lesson| lesson.step) else { return Ok(Vec::new()) };
        let question = Question { rule, dimension: Dimension::Replicas, step, length };
        let mut past = question.ask(client, &shared.config(), at).await?;
        self.policies.extend(new.iter().map(|lesson| lesson.target.clone()));
        let with_its_past = |lesson: Lesson| {
            let (start, values) = past.remove(&lesson.target)?;
            Some(Lesson { start, values, ..lesson })
        };
        Ok(new.into_iter().filter_map(with_its_past).collect())
    }
}

type Past = BTreeMap<TargetId, (Timestamp, Vec<Option<f64>>)>;

/// Whose usage is asked for, and how much of it.
struct Question<'a> {
    rule: &'a TargetRule,
    dimension: Dimension,
    step: Duration,
    length: Duration,
}

impl Question<'_> {
    /// The mean usage of each step, for every target of the rule: as the loop would have averaged its
    /// ticks.
    async fn ask(
        &self,
        client: &Client,
        config: &Config,
        at: Timestamp,
    ) -> Result<Past, QueryError> {
        let Self { rule, dimension, step, length } = *self;
        let rate_interval = config.prometheus.rate_interval;
        let Some(query) = queries::signal(rule, usage_of(dimension), rate_interval) else {
            return Ok(Past::new());
        };
        // A value at an instant is the mean of the step that ends there.
        let (window, tick) = (duration::format(step), config.global.evaluation_interval);
        let query =
            format!("avg_over_time(({query})[{window}:{}])", duration::format(tick.min(step)));
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let end = Timestamp::from_millis(at.millis().div_euclid(millis).saturating_mul(millis));
        let steps = length.as_millis() / step.as_millis().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).max(1);
        let grid = Grid::new(end.minus(step.saturating_mul(steps - 1)), end, step);
        let past = client.past(&query, &grid).await?;
        let start = grid.at(0).minus(step);
        let of = |(labels, values): (crate::target::Labels, Vec<Option<f64>>)| {
            let label = |name: &String| labels.get(name).map_or("", String::as_str);
            let id = TargetId::new(&rule.name, rule.identity.iter().map(label));
            let first = values.iter().position(Option::is_some)?;
            let skipped = u32::try_from(first).unwrap_or(u32::MAX);
            Some((id, (start.plus(step.saturating_mul(skipped)), values[first..].to_vec())))
        };
        Ok(past.series.into_iter().filter_map(of).collect())
    }
}
