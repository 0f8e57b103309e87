//! Whether the past still says something of the present.

use std::time::Duration;

use crate::units::Timestamp;

/// A pause this many times as long as the shortest step so far parts the past from the present.
const PAUSE: u32 = 10;

/// The instants of rows, as far as they tell a pause from a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    newest: Option<Timestamp>,
    shortest: Option<Duration>,
}

/// How a row follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// As the next one.
    Next,
    /// At the same instant: it is the same row, told again.
    Again,
    /// After a pause, or as the first one.
    Anew,
}

/// A row older than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected rows in the order of their time: {at} comes after {newest}")]
pub struct OutOfOrder {
    /// The row's instant.
    pub at: Timestamp,
    /// That of the newest row before it.
    pub newest: Timestamp,
}

impl Pace {
    /// Takes in the instant of the next row.
    pub fn step(&mut self, at: Timestamp) -> Result<Follows, OutOfOrder> {
        let Some(newest) = self.newest else {
            self.newest = Some(at);
            return Ok(Follows::Anew);
        };
        if at < newest {
            return Err(OutOfOrder { at, newest });
        }
        if at == newest {
            return Ok(Follows::Again);
        }
        self.newest = Some(at);
        let step = at.since(newest);
        let shortest = self.shortest.map_or(step, |shortest| shortest.min(step));
        self.shortest = Some(shortest);
        let paused = step > shortest.saturating_mul(PAUSE);
        Ok(if paused { Follows::Anew } else { Follows::Next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_from_a_step_by_what_was_seen_before() {
        let mut pace = Pace::default();
        let mut step = |second: i64| pace.step(Timestamp::from_millis(second * 1000));
        assert_eq!(step(0), Ok(Follows::Anew));
        assert_eq!(step(30), Ok(Follows::Next));
        assert_eq!(step(30), Ok(Follows::Again));
        assert_eq!(step(330), Ok(Follows::Next), "ten steps");
        assert_eq!(step(631), Ok(Follows::Anew), "more than ten steps");
        assert!(step(600).is_err());
        assert_eq!(step(661), Ok(Follows::Next));
    }
}
