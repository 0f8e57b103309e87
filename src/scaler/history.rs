//! The past of what is forecast, asked of Prometheus once for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::event::Event;
use super::shared::Shared;
use crate::config::{Config, Forecast, TargetRule};
use crate::promql::{Client, Grid, QueryError, queries};
use crate::target::{Dimension, Signal, TargetId};
use crate::units::{Timestamp, duration};

/// Whose past has been asked for, with or without an answer.
#[derive(Debug, Default)]
pub struct Asked(BTreeSet<(TargetId, Dimension)>);

impl Asked {
    /// The events that tell the past of every target of `rule` that is forecast and was not asked for
    /// yet. The first answer counts, and none is asked for twice: what is missing then is learnt by and
    /// by.
    ///
    /// # Errors
    /// The first query without an answer, with its dimension.
    pub async fn ask(
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
        let new: BTreeSet<_> = wanted.into_iter().filter(|key| !self.0.contains(key)).collect();
        let dimensions: BTreeSet<Dimension> = new.iter().map(|(_, dimension)| *dimension).collect();
        let mut events = Vec::new();
        for dimension in dimensions {
            let values = ask(rule, dimension, client, &shared.config(), &settings, at).await?;
            for (target, (start, values)) in values {
                if new.contains(&(target.clone(), dimension)) {
                    let step = settings.step;
                    events.push(Event::Learn { target, dimension, start, step, values });
                }
            }
        }
        self.0.extend(new);
        Ok(events)
    }
}

type Past = BTreeMap<TargetId, (Timestamp, Vec<Option<f64>>)>;

/// The mean usage of each step, for every target of `rule`: as the loop would have averaged its ticks.
async fn ask(
    rule: &TargetRule,
    dimension: Dimension,
    client: &Client,
    config: &Config,
    settings: &Forecast,
    at: Timestamp,
) -> Result<Past, QueryError> {
    let signal = match dimension {
        Dimension::Cpu => Signal::CpuUsageCores,
        Dimension::Memory => Signal::MemoryWorkingSetBytes,
        Dimension::Replicas => Signal::Load,
    };
    let Some(query) = queries::signal(rule, signal, config.prometheus.rate_interval) else {
        return Ok(Past::new());
    };
    let step = settings.step;
    // A value at an instant is the mean of the step that ends there.
    let (length, tick) = (duration::format(step), config.global.evaluation_interval);
    let query = format!("avg_over_time(({query})[{length}:{}])", duration::format(tick.min(step)));
    let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    let end = Timestamp::from_millis(at.millis().div_euclid(millis).saturating_mul(millis));
    let steps = settings.history.as_millis() / step.as_millis().max(1);
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
