//! What is remembered of the alerts that stand. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use super::webhook::{Alert, Webhook};
use crate::config::Alerts;
use crate::journal::{AlertEvent, AlertStatus};
use crate::policy::AlertSignal;
use crate::target::{Dimension, Labels, Target};
use crate::units::Timestamp;

/// The most alerts that are remembered at once.
const MOST_ALERTS: usize = 4096;

/// The most bytes of label names and values of one alert.
const MOST_LABEL_BYTES: usize = 16 << 10;

/// The alerts that stand, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertBook {
    standing: BTreeMap<String, Standing>,
}

/// An alert that stands.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    starts_at: Timestamp,
    labels: Labels,
    /// When it was last heard of; its life counts from here.
    heard_at: Timestamp,
    /// When the journal was last told of it.
    journalled_at: Timestamp,
}

impl Standing {
    fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }
}

/// What one webhook meant to the book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    /// What is to be journalled: alerts that began, began anew or ended. A mere repeat is here only
    /// once half of its life has passed since the journal was last told: without that, a restart would
    /// forget an alert that Alertmanager still repeats.
    pub events: Vec<AlertEvent>,
    /// How many alerts stood already.
    pub repeated: usize,
    /// How many alerts say nothing: no rule names them, their labels are beyond all measure, or they end
    /// what does not stand.
    pub ignored: usize,
    /// How many alerts found the book full.
    pub dropped: usize,
    /// How many alerts Alertmanager left out (`max_alerts` of its receiver).
    pub truncated: u64,
}

impl AlertBook {
    /// The book as the journal's events, the oldest first, left it.
    pub fn restore(events: impl IntoIterator<Item = AlertEvent>) -> Self {
        let mut book = Self::default();
        for event in events {
            book.record(event);
        }
        book
    }

    /// How many alerts stand.
    pub fn len(&self) -> usize {
        self.standing.len()
    }

    /// Whether none stands.
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// Takes in a webhook that came in `now`. An alert is told by its fingerprint and an episode of it by
    /// `startsAt`: the same (fingerprint, startsAt, status) again only lengthens its life. What speaks of
    /// an episode before the one that stands is late, and ignored.
    pub fn receive(&mut self, webhook: &Webhook, now: Timestamp, rules: &Alerts) -> Receipt {
        self.forget_expired(now, rules);
        let mut receipt = Receipt { truncated: webhook.truncated_alerts, ..Receipt::default() };
        for alert in &webhook.alerts {
            match life(rules, alert.name()) {
                Some(life) if label_bytes(&alert.labels) <= MOST_LABEL_BYTES => {
                    self.receive_one(alert, life, now, &mut receipt);
                }
                _ => receipt.ignored += 1,
            }
        }
        receipt
    }

    fn receive_one(&mut self, alert: &Alert, life: Duration, now: Timestamp, to: &mut Receipt) {
        let event = AlertEvent {
            received_at: now,
            status: alert.status,
            fingerprint: alert.fingerprint(),
            starts_at: alert.starts_at,
            labels: alert.labels.clone(),
        };
        let full = self.standing.len() >= MOST_ALERTS;
        match (self.standing.get_mut(&event.fingerprint), alert.status) {
            (None, AlertStatus::Resolved) => to.ignored += 1,
            (None, AlertStatus::Firing) if full => to.dropped += 1,
            (Some(known), _) if alert.starts_at < known.starts_at => to.ignored += 1,
            (Some(known), AlertStatus::Firing) if alert.starts_at == known.starts_at => {
                to.repeated += 1;
                known.heard_at = now;
                if now.since(known.journalled_at) >= life / 2 {
                    known.journalled_at = now;
                    to.events.push(event);
                }
            }
            _ => {
                self.record(event.clone());
                to.events.push(event);
            }
        }
    }

    fn record(&mut self, event: AlertEvent) {
        match event.status {
            AlertStatus::Firing => {
                let standing = Standing {
                    starts_at: event.starts_at,
                    labels: event.labels,
                    heard_at: event.received_at,
                    journalled_at: event.received_at,
                };
                self.standing.insert(event.fingerprint, standing);
            }
            AlertStatus::Resolved => {
                self.standing.remove(&event.fingerprint);
            }
        }
    }

    /// Forgets what was not repeated in time, and what no rule names any more.
    pub fn forget_expired(&mut self, now: Timestamp, rules: &Alerts) {
        self.standing.retain(|_, alert| {
            life(rules, alert.name()).is_some_and(|life| now < alert.heard_at.plus(life))
        });
    }

    /// The alerts that stand `now` for one dimension of `target`, whose rule tells its targets apart by the
    /// labels `identity`. An alert reaches a target only where each of these labels is present on both sides
    /// with the same value: an alert that names no container reaches none.
    pub fn signals_for(
        &self,
        target: &Target,
        identity: &[String],
        dimension: Dimension,
        now: Timestamp,
        rules: &Alerts,
    ) -> Vec<AlertSignal> {
        let mut signals = Vec::new();
        for rule in rules.rules.iter().filter(|rule| rule.dimension == dimension) {
            for (fingerprint, alert) in &self.standing {
                let expires_at = alert.heard_at.plus(rule.ttl);
                if alert.name() == rule.alertname
                    && now < expires_at
                    && same_identity(identity, &target.labels, &alert.labels)
                {
                    signals.push(AlertSignal {
                        alertname: rule.alertname.clone(),
                        fingerprint: fingerprint.clone(),
                        weight: rule.weight,
                        expires_at,
                    });
                }
            }
        }
        signals
    }
}

/// How long an alert of this name is remembered: as long as the most patient rule wants. `None` where
/// no rule names it.
fn life(rules: &Alerts, alertname: &str) -> Option<Duration> {
    rules.rules.iter().filter(|rule| rule.alertname == alertname).map(|rule| rule.ttl).max()
}

fn label_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn same_identity(identity: &[String], target: &Labels, alert: &Labels) -> bool {
    !identity.is_empty()
        && identity.iter().all(|label| {
            // To Prometheus an empty label is an absent one.
            let value = target.get(label).filter(|value| !value.is_empty());
            value.is_some() && value == alert.get(label)
        })
}

#[cfg(test)]
mod tests;
