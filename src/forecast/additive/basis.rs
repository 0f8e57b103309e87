//! What an expectation is made of: trend, seasons and events, each as columns at a point in time.

use std::sync::Arc;
use std::time::Duration;

use super::Calendar;
use crate::forecast::Series;
use crate::units::Timestamp;

/// How the trend goes on after the last sample that it was learnt from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrendAfter {
    /// It stays where it is.
    Flat,
    /// Its slope halves in this time, again and again.
    Damped(Duration),
}

/// A period, and how many waves of how many different lengths are fitted into it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Season {
    seconds: f64,
    order: usize,
}

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;
const WEEK: f64 = 7.0 * DAY;
const YEAR: f64 = 365.2425 * DAY;

/// Each season with the days of history from which on it can be told from chance. A week known only once
/// is worse than none.
const SEASONS: [(Season, f64); 4] = [
    (Season { seconds: HOUR, order: 4 }, 0.5),
    (Season { seconds: DAY, order: 24 }, 2.0),
    (Season { seconds: WEEK, order: 6 }, 14.0),
    (Season { seconds: YEAR, order: 6 }, 730.0),
];

/// A wave shorter than this many samples is not seen by them.
const SAMPLES_OF_A_WAVE: f64 = 2.5;

/// The trend may bend every so many days, and so often at most.
const DAYS_BETWEEN_BENDS: f64 = 2.0;
const MOST_BENDS: usize = 24;

// What the square of a coefficient costs, against a squared error of one deviation of the history.
const LEVEL_PENALTY: f64 = 1e-6;
const SLOPE_PENALTY: f64 = 1e-2;
const BEND_PENALTY: f64 = 3.0;
/// Of the longest wave; it grows with the square of how many fit into the period, so that only what
/// comes back again and again makes sharp corners.
const WAVE_PENALTY: f64 = 3.0;
const EVENT_PENALTY: f64 = 1.0;

/// The columns for one history.
#[derive(Clone, Debug)]
pub struct Basis {
    start: Timestamp,
    length_seconds: f64,
    /// Where the trend may bend, as shares of the history.
    bends: Vec<f64>,
    seasons: Vec<Season>,
    events: Arc<Calendar>,
    after: TrendAfter,
}

impl Basis {
    /// The columns that can be told apart in a history of this length and step.
    pub fn new(history: &Series, events: &Arc<Calendar>, after: TrendAfter) -> Self {
        let length_seconds = history.length().as_secs_f64();
        let days = length_seconds / DAY;
        let step = history.step.as_secs_f64();
        let pieces = ((days / DAYS_BETWEEN_BENDS) as usize).min(MOST_BENDS);
        let seasons = SEASONS.iter().filter(|(_, from_days)| days >= *from_days);
        Self {
            start: history.start,
            length_seconds,
            bends: (1..pieces).map(|bend| bend as f64 / pieces as f64).collect(),
            seasons: seasons
                .map(|(season, _)| {
                    let seen = (season.seconds / step / SAMPLES_OF_A_WAVE) as usize;
                    Season { order: season.order.min(seen), ..*season }
                })
                .collect(),
            events: Arc::clone(events),
            after,
        }
    }

    /// What the square of each column's coefficient costs: one a column.
    pub fn penalties(&self) -> Vec<f64> {
        let mut penalties = vec![LEVEL_PENALTY, SLOPE_PENALTY];
        penalties.extend(self.bends.iter().map(|_| BEND_PENALTY));
        for season in &self.seasons {
            for wave in 1..=season.order {
                penalties.extend([WAVE_PENALTY * (wave * wave) as f64; 2]);
            }
        }
        penalties.extend((0..self.events.names()).map(|_| EVENT_PENALTY));
        penalties
    }

    /// Writes the columns at a point in time, where the trend is known until `known`.
    pub fn row(&self, at: Timestamp, known: Timestamp, row: &mut [f64]) {
        let mut cells = row.iter_mut();
        let mut put = |value: f64| {
            if let Some(cell) = cells.next() {
                *cell = value;
            }
        };
        let time = self.trend_time(at, known);
        put(1.0);
        put(time);
        for bend in &self.bends {
            put((time - bend).max(0.0));
        }
        for season in &self.seasons {
            let phase = at.seconds().rem_euclid(season.seconds) / season.seconds;
            let (sin, cos) = (std::f64::consts::TAU * phase).sin_cos();
            let (mut s, mut c) = (sin, cos);
            for _ in 0..season.order {
                put(s);
                put(c);
                (s, c) = (s * cos + c * sin, c * cos - s * sin);
            }
        }
        self.events.are_on(at).for_each(|on| put(f64::from(u8::from(on))));
    }

    /// How far the trend has run, in lengths of the history; after `known`, slower and slower.
    fn trend_time(&self, at: Timestamp, known: Timestamp) -> f64 {
        let beyond = at.seconds() - known.seconds();
        let run = match self.after {
            TrendAfter::Damped(half_life) if beyond > 0.0 => {
                // The integral of a slope that fades exponentially.
                let life = half_life.as_secs_f64() / std::f64::consts::LN_2;
                if life > 0.0 { -life * (-beyond / life).exp_m1() } else { 0.0 }
            }
            TrendAfter::Flat if beyond > 0.0 => 0.0,
            _ => beyond,
        };
        (known.seconds() - self.start.seconds() + run) / self.length_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Event;

    const STEP: Duration = Duration::from_secs(300);

    fn basis(days: usize, step: Duration, events: &Arc<Calendar>, after: TrendAfter) -> Basis {
        let samples = days * 86_400 / step.as_secs() as usize;
        let start = Timestamp::from_millis(0);
        Basis::new(&Series { start, step, values: vec![0.0; samples] }, events, after)
    }

    fn orders(basis: &Basis) -> Vec<usize> {
        basis.seasons.iter().map(|season| season.order).collect()
    }

    #[test]
    fn a_season_needs_enough_history_and_a_wave_enough_samples() {
        let of = |days, step| orders(&basis(days, step, &Arc::default(), TrendAfter::Flat));
        assert_eq!(of(1, STEP), [4]);
        assert_eq!(of(13, STEP), [4, 24]);
        assert_eq!(of(14, STEP), [4, 24, 6]);
        assert_eq!(of(731, Duration::from_secs(3600)), [0, 9, 6, 6]);
    }

    #[test]
    fn each_column_has_a_penalty_and_is_written() {
        let day = Timestamp::from_seconds(DAY);
        let event = |name: &str| {
            Event::new(name.to_owned(), day, day.plus(STEP), None).expect("a valid event")
        };
        let calendar = Calendar::new(&[event("sale"), event("match")]);
        for events in [Arc::default(), Arc::new(calendar)] {
            let basis = basis(20, STEP, &events, TrendAfter::Flat);
            let mut row = vec![f64::NAN; basis.penalties().len()];
            basis.row(day, day, &mut row);
            assert!(row.iter().all(|cell| cell.is_finite()), "{row:?}");
            assert_eq!(row.len() - events.names(), 2 + 9 + 2 * (4 + 24 + 6));
        }
    }

    #[test]
    fn a_trend_runs_until_it_is_known_and_then_slows_down() {
        let none = Arc::default();
        let known = Timestamp::from_seconds(10.0 * DAY);
        let at = |days: f64| Timestamp::from_seconds(days * DAY);
        let damped = basis(10, STEP, &none, TrendAfter::Damped(Duration::from_secs(43_200)));
        assert_eq!(damped.trend_time(at(5.0), known), 0.5);
        let run = [10.0, 10.5, 11.0, 30.0].map(|day| damped.trend_time(at(day), known) * 10.0);
        // Half a day's slope fades to: half a day / ln 2 in all, half of it in the first half day.
        let all = 0.5 / std::f64::consts::LN_2;
        for (run, expected) in run.iter().zip([0.0, 0.5, 0.75, 1.0].map(|s| 10.0 + s * all)) {
            assert!((run - expected).abs() < 1e-9, "{run} for {expected}");
        }
        let flat = basis(10, STEP, &none, TrendAfter::Flat);
        assert_eq!(flat.trend_time(at(30.0), known), 1.0);
    }
}
