//! As many replicas as the expected load fills: seed 5's three policies without a memory.

use super::ahead::{self, Expected};
use super::service::{Service, replicas, toward};
use super::size::short;
use super::{Proposal, Situation};
use crate::config::{Buffered, ConfidenceAware};

/// `max(1, ⌈expected / capacity⌉)`.
pub(super) fn simple(situation: &Situation) -> Proposal {
    Service::of(situation).map_or_else(
        |unknown| unknown,
        |service| filled_by(&service, &ahead::point(situation, service.load), None),
    )
}

/// `max(1, ⌈expected · buffer / capacity⌉)`.
pub(super) fn buffered(policy: &Buffered, situation: &Situation) -> Proposal {
    Service::of(situation).map_or_else(
        |unknown| unknown,
        |service| {
            filled_by(&service, &ahead::point(situation, service.load), Some(policy.buffer_ratio))
        },
    )
}

/// `max(1, ⌈upper quantile / capacity⌉)`.
pub(super) fn confidence_aware(policy: &ConfidenceAware, situation: &Situation) -> Proposal {
    Service::of(situation).map_or_else(
        |unknown| unknown,
        |service| {
            filled_by(&service, &ahead::quantile(situation, policy.level, service.load), None)
        },
    )
}

fn filled_by(service: &Service, expected: &Expected, buffer: Option<f64>) -> Proposal {
    let Expected { load, source } = expected;
    // The product first: another order moves the last bit, and with it a whole replica.
    let with_buffer = buffer.map_or(*load, |buffer| load * buffer);
    let count = (with_buffer / service.capacity).ceil().max(1.0);
    let times = buffer.map(|b| format!(" times {}", short(b, 3))).unwrap_or_default();
    let reason =
        format!("{source} is {}{times}, and {} carry it", short(*load, 3), replicas(count));
    toward(service.situation, count, reason)
}
