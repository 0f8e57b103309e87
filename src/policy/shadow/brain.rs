//! The services in shadow, and the one that is real.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arm::{Arm, Moment, Pacing, Record, Wish};
use super::behavior::WINDOWS;
use super::choice::{Choice, Entry, Measure};
use super::level::Level;
use super::pace::{LONGEST, Pace, minutes};
use super::phase::Phase;
use super::reference::Reference;
use super::rule::{self, Obedience, RULES, View};
use super::season::Season;
use crate::config::{Aim, Shadow as Settings};
use crate::units::Timestamp;

/// How long the arms are watched before one is obeyed, in minutes.
const TRIAL: f64 = 720.0;
/// After how long a moment counts half in a record, in minutes: two days; and in what is remembered longer.
const HALF_LIFE: f64 = 2880.0;
const SLOW_HALF_LIFE: f64 = 10_080.0;
/// Minutes of a day.
const DAY: f64 = 1440.0;
/// The share of the reference's replicas that is aimed at, and how far the budget moves it.
const COST_RATIO: f64 = 0.957;
const COST_RATIOS: (f64, f64) = (0.85, 1.0);
/// How much of the reference's replicas of a day may be owed. What is saved is not spent later.
const BUDGET: (f64, f64) = (-0.2, 0.0);
/// The first share of the promised time that an arm may be short, and the least and the most of it.
const ALLOWANCE: f64 = 0.8;
const ALLOWANCES: (f64, f64) = (0.1, 2.0);
/// How far a minute moves it.
const ALLOWANCE_STEP: f64 = 0.0003;

/// What the default policy remembers of one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// What is aimed at: the arms are those of it.
    aim: Aim,
    /// The newest sample.
    seen: Option<Timestamp>,
    /// How many minutes were watched.
    elapsed: f64,
    level: Level,
    season: Season,
    phase: Phase,
    /// What each rule needed lately: the oldest first.
    needs: VecDeque<(Timestamp, Vec<u32>)>,
    pub(super) arms: Vec<Arm>,
    reference: Option<Reference>,
    real: Real,
}

/// What is remembered of the service that is real.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Real {
    /// The newest moment with its size.
    seen: Option<(Timestamp, u32)>,
    pacing: Pacing,
    /// The arm that is obeyed, and the next best.
    choice: Option<Choice>,
    /// Replica-minutes saved against the share of the reference that is aimed at.
    budget: f64,
    /// The share of the promised time that an arm may be short.
    allowance: Option<f64>,
}

/// One sample of the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    pub(super) load: f64,
    pub(super) capacity: f64,
    pub(super) delay: Duration,
    /// What a model foresees of the load one start-up later.
    pub(super) foreseen: Option<[f64; 4]>,
}

impl Shadow {
    /// Takes in a sample: every service in shadow lives through it. `present` is how many replicas they
    /// begin with. Another aim than before begins anew.
    pub(super) fn learn(&mut self, aim: Aim, sample: &Sample, present: u32) {
        if self.aim != aim {
            *self = Self { aim, ..Self::default() };
        }
        let Sample { at, load, capacity, delay, foreseen } = *sample;
        if self.seen.is_some_and(|seen| seen >= at) {
            return;
        }
        let pace = Pace::new(self.seen.map(|seen| at.since(seen)), self.elapsed);
        self.seen = Some(at);
        self.elapsed = pace.elapsed;

        let horizon = delay.max(Duration::from_secs_f64(pace.minutes * 60.0));
        let minute = at.millis().div_euclid(60_000);
        let ahead = minutes(horizon).ceil() as i64;
        let outlook = self.level.observe(at, load, pace, horizon);
        self.season.observe(minute, load);
        if let Some(error) = outlook.error {
            self.phase.observe(minute, error);
        }
        let rise = self.season.rise(minute, ahead);
        let leap = self.phase.quantile(minute + ahead);
        let view = View { load, outlook, rise, leap, foreseen };
        let needs = RULES.iter().map(|rule| replicas(rule.load(&view) / capacity)).collect();
        self.needs.push_back((at, needs));
        let longest = WINDOWS[WINDOWS.len() - 1];
        while self.needs.front().is_some_and(|(old, _)| minutes(at.since(*old)) >= longest) {
            self.needs.pop_front();
        }

        let moment = Moment {
            at,
            minutes: pace.minutes,
            load,
            capacity,
            delay,
            weight: pace.weight(HALF_LIFE),
            slow_weight: pace.weight(SLOW_HALF_LIFE),
        };
        let needs = Needs::of(&self.needs, at, load / capacity);
        if self.arms.is_empty() {
            self.arms = rule::arms(aim).map(|_| Arm::new(present)).collect();
        }
        for (arm, obedience) in self.arms.iter_mut().zip(rule::arms(aim)) {
            arm.live(&moment, needs.wish(obedience));
        }
        self.reference.get_or_insert_with(|| Reference::new(present)).live(&moment);
    }

    /// What the rules need at `at`, where the load fills so many replicas.
    pub(super) fn needs(&self, at: Timestamp, filled: f64) -> Needs<'_> {
        Needs::of(&self.needs, at, filled)
    }

    /// The size that the real service gets, of which `present` replicas are wanted and `ready` serve. As
    /// long as no arm is obeyed, it is that of the reference.
    pub(super) fn decide(
        &mut self,
        settings: &Settings,
        sample: &Sample,
        present: u32,
        ready: u32,
    ) -> u32 {
        let Sample { at, load, capacity, foreseen, .. } = *sample;
        let pause = self.real.find(at, present);
        let Some(reference) = &self.reference else { return present };
        if self.elapsed < TRIAL {
            return reference.plant.wanted();
        }
        let short = load > capacity * f64::from(ready);
        let cost_ratio = self.real.save(reference, present, pause);
        let short_ratio = self.real.allow(settings.short_ratio, short, pause);
        let measure = Measure { settings, reference: &reference.record, cost_ratio, short_ratio };
        let candidates = self.arms.iter().zip(rule::arms(self.aim)).enumerate();
        let candidates =
            candidates.filter(|(_, (_, obedience))| foreseen.is_some() || !obedience.foresees());
        let entries = candidates.map(|(place, (arm, obedience))| Entry {
            arm: place,
            record: &arm.record,
            foresees: obedience.foresees(),
        });
        self.real.choice = measure.choose(entries, self.real.choice.map(|choice| choice.arm));
        let obeyed = self.real.choice.and_then(|choice| rule::arms(self.aim).nth(choice.arm));
        let wish = obeyed.map(|obedience| self.needs(at, load / capacity).wish(obedience));
        wish.map_or(present, |wish| self.real.pacing.size(at, pause, present, wish))
    }
}

/// What each rule needs, and needed lately.
pub(super) struct Needs<'a> {
    now: &'a [u32],
    /// The highest need of each rule within each of [`WINDOWS`].
    highest: [Vec<u32>; WINDOWS.len()],
    /// The replicas that the load fills.
    filled: u32,
}

impl<'a> Needs<'a> {
    fn of(needs: &'a VecDeque<(Timestamp, Vec<u32>)>, at: Timestamp, filled: f64) -> Self {
        let now = needs.back().map_or(&[][..], |(_, needs)| needs);
        let mut newest_first = needs.iter().rev().peekable();
        let mut highest = now.to_vec();
        // What is within a window is within the longer ones after it.
        let highest = WINDOWS.map(|window| {
            let within = |(then, _): &&(Timestamp, Vec<u32>)| minutes(at.since(*then)) < window;
            while let Some((_, needs)) = newest_first.next_if(within) {
                highest.iter_mut().zip(needs).for_each(|(most, need)| *most = (*most).max(*need));
            }
            highest.clone()
        });
        Self { now, highest, filled: replicas(filled) }
    }

    /// What an arm wants now. None shrinks below the load of now.
    pub(super) fn wish(&self, obedience: Obedience) -> Wish {
        let Obedience { rule, behavior } = obedience;
        let of = |needs: &[u32]| needs.get(rule).copied().unwrap_or_default();
        let highest = of(&self.highest[behavior.window]).max(self.filled);
        Wish { now: of(self.now), highest, behavior }
    }
}

impl Shadow {
    /// How the arms stand; `None` before one is obeyed.
    pub fn standing(&self) -> Option<Standing> {
        let choice = self.real.choice?;
        let candidate = |arm: usize| {
            let record = self.arms.get(arm)?.record;
            Some(Candidate { name: rule::arms(self.aim).nth(arm)?.to_string(), record })
        };
        Some(Standing {
            obeyed: candidate(choice.arm)?,
            next: choice.next.and_then(candidate),
            reference: self.reference.as_ref()?.record,
        })
    }
}

/// Who is obeyed, and what that rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The arm that is obeyed.
    pub obeyed: Candidate,
    /// The next best.
    pub next: Option<Candidate>,
    /// The record of the reference, which is never obeyed by itself.
    pub reference: Record,
}

/// An arm with its record.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its rule, over how many minutes it looks back for a shrink, and what else is special about how it
    /// moves, as in `level+2/3m` and `level+2/8m-steps`.
    pub name: String,
    /// How obeying it went, or would have gone.
    pub record: Record,
}

impl Real {
    /// Takes in the size that is found: a change was made after the last tick. Tells the minutes since
    /// then.
    fn find(&mut self, at: Timestamp, present: u32) -> f64 {
        let Some((before, size)) = self.seen.replace((at, present)) else { return 1.0 };
        if size != present {
            self.pacing.moved(before);
        }
        minutes(at.since(before)).min(LONGEST)
    }

    /// Takes in what was spared; tells the share of the reference's replicas that may be taken.
    fn save(&mut self, reference: &Reference, present: u32, pause: f64) -> f64 {
        let day = DAY * reference.record.replicas;
        let spared = COST_RATIO * f64::from(reference.plant.wanted()) - f64::from(present);
        self.budget = (self.budget + spared * pause).max(BUDGET.0 * day).min(BUDGET.1 * day);
        (COST_RATIO + self.budget / day).max(COST_RATIOS.0).min(COST_RATIOS.1)
    }

    /// Takes in whether the load was too much; tells in which share of the time an arm may be short.
    fn allow(&mut self, promised: f64, short: bool, pause: f64) -> f64 {
        let missed = f64::from(u8::from(short));
        let allowance = self.allowance.unwrap_or(ALLOWANCE * promised)
            + ALLOWANCE_STEP * pause * (promised - missed);
        let allowance = allowance.max(ALLOWANCES.0 * promised).min(ALLOWANCES.1 * promised);
        *self.allowance.insert(allowance)
    }
}

/// The replicas that carry so much load, at least one.
fn replicas(load: f64) -> u32 {
    (load.ceil() as u32).max(1)
}
