//! One policy moves a limit, sample by sample, by the functions that the scaler calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::plant::Moment;
use super::player::{Chooser, Player};
use super::score::{Figures, Score};
use super::setting::Setting;
use crate::config::Scale;
use crate::guard::{self, GuardState};
use crate::policy::{self, Action, PolicyState, Situation};
use crate::promql::Freshness;
use crate::target::{Mode, TargetId};
use crate::units::Limit;

/// No limit is too large.
const BOUNDS: Scale = Scale { min: 0.0, max: f64::MAX };

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Who played.
    pub policy: String,
    /// The scores.
    pub figures: Figures,
    /// The limit in force at each sample.
    pub limits: Vec<f64>,
}

/// One player at work.
struct Worker<'a> {
    setting: &'a Setting,
    player: &'a Player,
    target: TargetId,
    policy: PolicyState,
    guard: GuardState,
    limit: f64,
}

/// Plays the whole use.
pub fn play(setting: &Setting, player: &Player) -> Run {
    let mut worker = Worker {
        setting,
        player,
        target: TargetId::new("simulation", [player.name.as_str()]),
        policy: PolicyState::default(),
        guard: GuardState::default(),
        limit: player.initial(setting),
    };
    let (mut score, mut limits) = (Score::default(), Vec::new());
    for (index, usage) in setting.usage.values.iter().enumerate() {
        limits.push(worker.limit);
        let scored = index >= setting.score_from;
        if scored && !usage.is_nan() {
            score.add(*usage, worker.limit);
        }
        if index.is_multiple_of(setting.every.max(1)) && worker.decide(index) && scored {
            score.change();
        }
    }
    let step_days = setting.usage.step.as_secs_f64() / 86_400.0;
    Run { policy: player.name.clone(), figures: score.figures(step_days), limits }
}

/// Plays all, on as many threads as there are cores; the runs are in the order of the players. `done` is
/// told of each that is over.
pub fn play_all(setting: &Setting, players: &[Player], done: &(dyn Fn() + Sync)) -> Vec<Run> {
    let (next, runs) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(player) = players.get(place) else { return };
            let run = play(setting, player);
            runs.lock().unwrap_or_else(PoisonError::into_inner).push((place, run));
            done();
        }
    };
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get());
    thread::scope(|scope| {
        for _ in 0..threads.min(players.len()) {
            scope.spawn(work);
        }
    });
    let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    runs.sort_by_key(|(place, _)| *place);
    runs.into_iter().map(|(_, run)| run).collect()
}

impl Worker<'_> {
    /// Decides as the scaler does, and says whether the limit was changed.
    fn decide(&mut self, index: usize) -> bool {
        let Chooser::Policy(chooser) = &self.player.chooser else { return false };
        let situation = self.situation(index);
        let proposal = policy::propose(chooser, &situation, &mut self.policy);
        let decision = guard::decide(
            &self.player.guard,
            Some(&BOUNDS),
            Mode::Enforce,
            false,
            &situation,
            proposal,
            &mut self.guard,
        );
        let Some(wanted) = decision.desired.filter(|_| decision.action != Action::NoScaling) else {
            return false;
        };
        self.guard.confirmed(situation.at, decision.action);
        self.limit = wanted;
        true
    }

    fn situation(&self, index: usize) -> Situation {
        let Setting { usage, resource, .. } = self.setting;
        let at = usage.at(index);
        let need = usage.values.get(index).copied().filter(|need| !need.is_nan());
        let moment = need.map(|need| Moment::of(*resource, need, self.limit));
        let first = usage.before(at.minus(self.player.guard.peak_window));
        let past = usage.values.get(first..=index).unwrap_or_default();
        Situation {
            at,
            target: self.target.clone(),
            dimension: self.setting.dimension(),
            current: Some(Limit::At(self.limit)),
            usage: moment.map(|moment| moment.usage),
            peak: past.iter().copied().filter(|need| !need.is_nan()).reduce(f64::max),
            throttled_ratio: moment.and_then(|moment| moment.throttled_ratio),
            pressure_ratio: moment.map(|moment| moment.pressure_ratio),
            oom_kills: moment.and_then(|moment| moment.oom_kills),
            freshness: if need.is_some() { Freshness::Fresh } else { Freshness::Empty },
            assessment: None,
            alerts: Vec::new(),
            workload: None,
            forecast: None,
        }
    }
}
