//! The recommender of the Kubernetes VerticalPodAutoscaler: percentiles of a decaying histogram with a
//! margin, bounds that close in with confidence, more after an OOM kill; and its updater's rule for acting.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::{Grid, Histogram};
use super::limit::{Pace, need, resize};
use super::service::{current, hold, unknown};
use super::size::describe;
use super::{Proposal, Situation, known};
use crate::config::Vpa;
use crate::target::Dimension;
use crate::units::{Timestamp, duration};

const CPU: Grid = Grid { first: 0.01, ratio: 1.05, most: 1000.0 };
const MEMORY: Grid = Grid { first: 1e7, ratio: 1.05, most: 1e12 };
/// Memory counts once in this time, with its peak.
const MEMORY_WINDOW: Duration = Duration::from_secs(24 * 3600);
const DAY_SECONDS: f64 = 86_400.0;
/// What is needed after an OOM kill: `max(used + 100 MiB, used · 1.2)`.
const OOM_ADDITION_BYTES: f64 = (100 << 20) as f64;
const OOM_FACTOR: f64 = 1.2;
/// A container that is killed within this time after its start is resized at once.
const QUICK_OOM: Duration = Duration::from_secs(600);
/// A gap between two samples counts as this much history at most.
const LONGEST_STEP: Duration = Duration::from_secs(300);

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct State {
    histogram: Histogram,
    /// When the first and the last sample were taken.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// How much time the samples cover.
    covered_seconds: f64,
    /// When the present window of memory ends, and the highest use and the highest need after a kill in it.
    window_end: Option<Timestamp>,
    peak: f64,
    oom_peak: f64,
    pace: Pace,
    /// When the container last started, as far as is known: it was resized, or killed.
    started: Option<Timestamp>,
}

/// Target and bounds.
#[derive(Debug, PartialEq)]
struct Recommendation {
    target: f64,
    lower: f64,
    upper: f64,
}

pub(super) fn propose(
    policy: &Vpa,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let state = state.get_or_insert_default();
    state.pace.find(situation);
    let need = match need(situation) {
        Ok(need) => need,
        Err(reason) => return unknown(reason),
    };
    // The rest of the need is told by kills; the recommender itself sees what was used.
    let usage = known(situation.usage).unwrap_or(need.amount);
    state.learn(policy, situation, usage);
    let killed = situation.memory_kills() > 0.0;
    let quick = killed && state.killed(policy, situation);
    let Some(recommended) = state.recommend(policy, situation.dimension) else {
        return hold(situation, "nothing is known of the usage yet");
    };
    let size = |size| describe(situation.dimension, size);
    let target = recommended.target;
    let of = format!("the target is {}", size(target));
    let Some(limit) = current(situation) else { return resize(situation, target, of) };
    let reason = if limit < recommended.lower {
        format!("below the lower bound of {}; {of}", size(recommended.lower))
    } else if limit > recommended.upper {
        format!("above the upper bound of {}; {of}", size(recommended.upper))
    } else if quick {
        format!("killed for lack of memory soon after the start; {of}")
    } else if state.pace.age(situation.at) < policy.min_lifetime {
        let lifetime = duration::format(policy.min_lifetime);
        return hold(situation, format!("{of}; within the bounds a limit stays for {lifetime}"));
    } else if (limit - target).abs() / limit < policy.min_change_ratio {
        return hold(situation, format!("{of}; the difference is small"));
    } else {
        of
    };
    resize(situation, target, reason)
}

impl State {
    fn learn(&mut self, policy: &Vpa, situation: &Situation, usage: f64) {
        let at = situation.at;
        if let Some(last) = self.last {
            self.covered_seconds += at.since(last).min(LONGEST_STEP).as_secs_f64();
        }
        self.first.get_or_insert(at);
        self.last = Some(at);
        match situation.dimension {
            Dimension::Memory => self.add_peak(policy, at, usage, false),
            Dimension::Cpu | Dimension::Replicas => {
                self.histogram.add(&CPU, policy.half_life, at, usage, 0.1);
            }
        }
    }

    /// One sample of memory a window: a higher one takes the place of the peak before it.
    fn add_peak(&mut self, policy: &Vpa, at: Timestamp, bytes: f64, killed: bool) {
        let end = *self.window_end.get_or_insert(at);
        let highest = self.peak.max(self.oom_peak);
        if at < end {
            if bytes <= highest {
                return;
            }
            if highest > 0.0 {
                self.histogram.add(&MEMORY, policy.half_life, end, highest, -1.0);
            }
        } else {
            let window = MEMORY_WINDOW.as_millis().max(1);
            let windows = at.since(end).as_millis() / window + 1;
            let windows = u32::try_from(windows).unwrap_or(u32::MAX);
            self.window_end = Some(end.plus(MEMORY_WINDOW.saturating_mul(windows)));
            (self.peak, self.oom_peak) = (0.0, 0.0);
        }
        let end = self.window_end.unwrap_or(at);
        self.histogram.add(&MEMORY, policy.half_life, end, bytes, 1.0);
        *(if killed { &mut self.oom_peak } else { &mut self.peak }) = bytes;
    }

    /// Takes in an OOM kill, and says whether it came soon after the start.
    fn killed(&mut self, policy: &Vpa, situation: &Situation) -> bool {
        let used = current(situation).unwrap_or(0.0).max(self.peak);
        let needed = (used + OOM_ADDITION_BYTES).max(used * OOM_FACTOR);
        self.add_peak(policy, situation.at, needed, true);
        let lived = match self.started {
            Some(started) => situation.at.since(started).min(self.pace.age(situation.at)),
            None => self.pace.age(situation.at),
        };
        self.started = Some(situation.at);
        lived <= QUICK_OOM
    }

    fn recommend(&self, policy: &Vpa, dimension: Dimension) -> Option<Recommendation> {
        let (grid, least) = match dimension {
            Dimension::Memory => (&MEMORY, policy.min_bytes),
            Dimension::Cpu | Dimension::Replicas => (&CPU, policy.min_cores),
        };
        let confidence = self.confidence();
        let of = |percentile, factor: f64| {
            let amount = self.histogram.percentile(grid, percentile)?;
            Some((amount * (1.0 + policy.margin_ratio) * factor).max(least))
        };
        Some(Recommendation {
            target: of(policy.target_percentile, 1.0)?,
            lower: of(policy.lower_percentile, (1.0 + 0.001 / confidence).powi(-2))?,
            upper: of(policy.upper_percentile, 1.0 + 1.0 / confidence)?,
        })
    }

    /// The days that the history spans, or that its samples cover where those are fewer.
    fn confidence(&self) -> f64 {
        let lived =
            self.first.zip(self.last).map_or(0.0, |(first, last)| last.since(first).as_secs_f64());
        lived.min(self.covered_seconds) / DAY_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{START, cpu, memory};
    use super::*;
    use crate::policy::Action;
    use crate::units::Limit;

    const MINUTE: Duration = Duration::from_secs(60);
    const MIB: f64 = (1 << 20) as f64;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    fn at(situation: Situation, after: Duration) -> Situation {
        Situation { at: START.plus(after), ..situation }
    }

    /// A CPU that used the same for so long, minute by minute.
    fn steady(usage: f64, minutes: u32) -> State {
        let mut state = None;
        for minute in 0..=minutes {
            propose(&Vpa::default(), &at(cpu(1.0, usage), MINUTE * minute), &mut state);
        }
        *state.unwrap()
    }

    fn recommended(state: &State, dimension: Dimension) -> Recommendation {
        state.recommend(&Vpa::default(), dimension).unwrap()
    }

    #[test]
    fn the_target_is_the_end_of_the_bucket_with_a_margin() {
        let state = steady(0.5, 1440);
        // 0.5 cores lie in bucket 25, which ends at 0.01 · (1.05^26 − 1) / 0.05.
        let end = 0.2 * (1.05f64.powi(26) - 1.0);
        assert!(close(recommended(&state, Dimension::Cpu).target, end * 1.15));
    }

    #[test]
    fn bounds_close_in_with_the_days_of_history() {
        let factor = |minutes| {
            let recommended = recommended(&steady(0.5, minutes), Dimension::Cpu);
            (recommended.lower / recommended.target, recommended.upper / recommended.target)
        };
        // The figures of its source: 5 min 0.6, 30 min 0.9; 12 h 3, 24 h 2, 7 d 1.14.
        assert!((factor(5).0 - 0.6).abs() < 0.01, "{:?}", factor(5));
        assert!((factor(30).0 - 0.9).abs() < 0.02, "{:?}", factor(30));
        assert!(close(factor(720).1, 3.0), "{:?}", factor(720));
        assert!(close(factor(1440).1, 2.0));
        assert!(close(factor(7 * 1440).1, 1.0 + 1.0 / 7.0));
    }

    #[test]
    fn little_is_never_recommended() {
        assert_eq!(recommended(&steady(0.001, 10), Dimension::Cpu).target, 0.025);
        let mut state = None;
        propose(&Vpa::default(), &memory(1e9, 1e6), &mut state);
        assert_eq!(recommended(&state.unwrap(), Dimension::Memory).target, 250e6);
    }

    #[test]
    fn memory_counts_once_a_day_with_its_peak() {
        let mut state = None;
        for (minute, mib) in [(0, 500.0), (1, 800.0), (2, 600.0), (1440, 300.0)] {
            let situation = at(memory(4096.0 * MIB, mib * MIB), MINUTE * minute);
            propose(&Vpa::default(), &situation, &mut state);
        }
        let mut expected = Histogram::default();
        let day = |n| START.plus(MEMORY_WINDOW * n);
        for (end, mib, weight) in
            [(1, 500.0, 1.0), (1, 500.0, -1.0), (1, 800.0, 1.0), (2, 300.0, 1.0)]
        {
            expected.add(&MEMORY, Vpa::default().half_life, day(end), mib * MIB, weight);
        }
        let state = state.unwrap();
        assert_eq!(state.histogram, expected, "the first window ends a day after the first sample");
    }

    #[test]
    fn a_kill_asks_for_a_fifth_or_100_mib_more() {
        let after = |limit: f64| {
            let mut state = None;
            let killed = Situation { oom_kills: Some(1.0), ..memory(limit * MIB, limit * MIB) };
            propose(&Vpa::default(), &killed, &mut state);
            state.unwrap().oom_peak / MIB
        };
        assert_eq!(after(400.0), 500.0);
        assert_eq!(after(1000.0), 1200.0);
    }

    #[test]
    fn the_updater_acts_beyond_the_bounds_after_half_a_day_and_after_a_quick_kill() {
        let policy = Vpa::default();
        let mut state = Some(Box::new(steady(0.5, 1440)));
        let target = recommended(state.as_ref().unwrap(), Dimension::Cpu).target;
        let mut ask = |limit: f64, minute: u32| {
            let proposal = propose(&policy, &at(cpu(limit, 0.5), MINUTE * minute), &mut state);
            (proposal.action, proposal.desired)
        };
        assert_eq!(ask(0.5, 1441).0, Action::ScaleUp, "below the lower bound");
        assert_eq!(ask(2.0, 1442).0, Action::ScaleDown, "above the upper bound");
        assert_eq!(ask(0.8, 1443).0, Action::NoScaling, "within the bounds, and new");
        assert_eq!(ask(0.8, 1443 + 719).0, Action::NoScaling);
        let (action, desired) = ask(0.8, 1443 + 720);
        assert_eq!(action, Action::ScaleDown, "half a day later");
        assert!((desired.unwrap() - target).abs() < 1e-5);
        let near = target * 1.05;
        assert_eq!(ask(near, 1443 + 721).0, Action::NoScaling);
        assert_eq!(ask(near, 1443 + 1500).0, Action::NoScaling, "less than a tenth");

        let mut state = State::default();
        let mut quick = |minute| {
            let situation = at(memory(1000.0 * MIB, 900.0 * MIB), MINUTE * minute);
            state.pace.find(&situation);
            minute > 0 && state.killed(&policy, &situation)
        };
        assert_eq!([0, 30, 41, 50].map(&mut quick), [false, false, false, true]);
    }

    #[test]
    fn what_is_not_known_teaches_nothing() {
        let mut state = Some(Box::new(steady(0.5, 1440)));
        let mut before = state.clone();
        let unknown = Situation { usage: None, ..at(cpu(1.0, 0.0), MINUTE * 1500) };
        let proposal = propose(&Vpa::default(), &unknown, &mut state);
        assert_eq!((proposal.action, proposal.desired), (Action::NoScaling, None));
        assert_eq!(state, before);
        let unlimited = Situation { current: Some(Limit::Max), ..at(cpu(1.0, 0.5), MINUTE * 1500) };
        assert_eq!(propose(&Vpa::default(), &unlimited, &mut before).action, Action::ScaleDown);
    }
}
