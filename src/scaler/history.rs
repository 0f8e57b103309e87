//! The past of what is forecast and of services, asked of Prometheus once for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use super::engine::{Lesson, usage_of};
use super::event::Event;
use super::shared::Shared;
use crate::config::{Config, TargetRule};
use crate::promql::{Client, Grid, QueryError, queries};
use crate::target::{Dimension, Labels, TargetId};
use crate::units::{Timestamp, duration};

/// Whose past has been asked for, with or without an answer: none is asked for twice, and what is missing
/// then is learnt by and by.
#[derive(Debug, Default)]
pub struct Asked {
    /// By whose forecasters.
    forecasters: BTreeSet<(TargetId, Dimension)>,
    /// By whose policies, and which: another one after a reload knows nothing.
    policies: BTreeSet<(TargetId, Dimension, &'static str)>,
    /// Until when nothing is asked for a rule, as there was no answer.
    paused: BTreeMap<String, Timestamp>,
}

/// How long a Prometheus that gave no answer is left alone: the questions are great ones.
const PAUSE: Duration = Duration::from_secs(60);

/// The most that policies of limits learn from: their memory is a week, or little more.
const LONGEST_OF_LIMITS: Duration = Duration::from_secs(8 * 86_400);

impl Asked {
    /// Whether nothing is to be asked for `rule` now.
    pub fn pauses(&self, rule: &TargetRule, at: Timestamp) -> bool {
        self.paused.get(&rule.name).is_some_and(|until| at < *until)
    }

    /// There was no answer for `rule`.
    pub fn pause(&mut self, rule: &TargetRule, at: Timestamp) {
        self.paused.insert(rule.name.clone(), at.plus(PAUSE));
    }

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
            let (step, length) = (settings.step, settings.history);
            let question = Question { rule, dimension, step, length, of_step: "avg" };
            let wanted = |target: &TargetId| new.contains(&(target.clone(), dimension));
            let past = question.ask(client, &shared.config(), at, wanted).await?;
            events.extend(past.into_iter().map(|(target, (start, values))| Event::Learn {
                target,
                dimension,
                start,
                step,
                values,
            }));
        }
        self.forecasters.extend(new);
        Ok(events)
    }

    /// The lessons of every target of `rule` whose policies learn and were not asked for yet.
    ///
    /// # Errors
    /// The first query without an answer, with its dimension.
    pub async fn lessons(
        &mut self,
        rule: &TargetRule,
        client: &Client,
        shared: &Shared,
        at: Timestamp,
    ) -> Result<Vec<Lesson>, QueryError> {
        let (wanted, history) = {
            let engine = shared.engine.read().unwrap_or_else(PoisonError::into_inner);
            (engine.lessons(&rule.name), engine.forecast().history)
        };
        let key = |lesson: &Lesson| (lesson.target.clone(), lesson.dimension, lesson.policy.name());
        let new = wanted.into_iter().filter(|lesson| !self.policies.contains(&key(lesson)));
        let mut of_dimensions: BTreeMap<Dimension, Vec<Lesson>> = BTreeMap::new();
        for lesson in new {
            of_dimensions.entry(lesson.dimension).or_default().push(lesson);
        }
        let mut lessons = Vec::new();
        for (dimension, new) in of_dimensions {
            let of_limits = dimension.resource().is_some();
            let length = if of_limits { history.min(LONGEST_OF_LIMITS) } else { history };
            let of_step = if of_limits { "max" } else { "avg" };
            let question = Question { rule, dimension, step: new[0].step, length, of_step };
            let targets: BTreeSet<&TargetId> = new.iter().map(|lesson| &lesson.target).collect();
            let wanted = |target: &TargetId| targets.contains(target);
            let mut past = match question.ask(client, &shared.config(), at, wanted).await {
                Ok(past) => past,
                Err(error) if lessons.is_empty() => return Err(error),
                // It is asked again, and the error told, once nothing else is left to ask.
                Err(_) => break,
            };
            for lesson in new {
                self.policies.insert(key(&lesson));
                if let Some((start, values)) = past.remove(&lesson.target) {
                    lessons.push(Lesson { start, values, ..lesson });
                }
            }
        }
        Ok(lessons)
    }
}

type Past = BTreeMap<TargetId, (Timestamp, Vec<Option<f64>>)>;

/// Whose usage is asked for, and how much of it.
struct Question<'a> {
    rule: &'a TargetRule,
    dimension: Dimension,
    step: Duration,
    length: Duration,
    /// What of a step is asked for: `avg` or `max`.
    of_step: &'static str,
}

impl Question<'_> {
    /// The mean or greatest usage of each step, for every target of the rule that is `wanted`: of what the
    /// loop would have seen.
    async fn ask(
        &self,
        client: &Client,
        config: &Config,
        at: Timestamp,
        wanted: impl Fn(&TargetId) -> bool,
    ) -> Result<Past, QueryError> {
        let Self { rule, dimension, step, length, of_step } = *self;
        let rate_interval = config.prometheus.rate_interval;
        let Some(query) = queries::signal(rule, usage_of(dimension), rate_interval) else {
            return Ok(Past::new());
        };
        // A value at an instant is that of the step that ends there.
        let (window, tick) = (duration::format(step), config.global.evaluation_interval);
        let tick = duration::format(tick.max(step / 5).min(step));
        let query = format!("{of_step}_over_time(({query})[{window}:{tick}])");
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let end = Timestamp::from_millis(at.millis().div_euclid(millis).saturating_mul(millis));
        let steps = length.as_millis() / step.as_millis().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).max(1);
        let grid = Grid::new(end.minus(step.saturating_mul(steps - 1)), end, step);
        let id = |labels: &Labels| {
            let label = |name: &String| labels.get(name).map_or("", String::as_str);
            TargetId::new(&rule.name, rule.identity.iter().map(label))
        };
        let past = client.past(&query, &grid, |labels| wanted(&id(labels))).await?;
        let start = grid.at(0).minus(step);
        let of = |(labels, values): (Labels, Vec<Option<f64>>)| {
            let first = values.iter().position(Option::is_some)?;
            let skipped = u32::try_from(first).unwrap_or(u32::MAX);
            Some((
                id(&labels),
                (start.plus(step.saturating_mul(skipped)), values[first..].to_vec()),
            ))
        };
        Ok(past.series.into_iter().filter_map(of).collect())
    }
}
