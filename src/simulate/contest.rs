//! Every policy with every forecaster: the forecasts of one are made once, and all that follow them play
//! in step. Nothing is kept of a row once it is written.

use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::contestant::{Contestant, Role};
use super::outlook::{Foresight, Outlook, Source};
use super::rows::Sink;
use super::runner::{Run, Runner};
use super::setting::Setting;

/// The forecaster of a policy that asks for none.
pub const NO_FORECASTER: &str = "none";

/// How far a simulation is, for a progress bar: called now and then with the samples played since.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// How many samples are played between two looks at the progress.
const PROGRESS_EVERY: usize = 4096;

/// Those that play in step.
struct Heat<'a> {
    source: Option<&'a Source>,
    contestants: Vec<&'a Contestant>,
}

/// How many samples `run` will play.
pub fn size(setting: &Setting, contestants: &[Contestant], sources: &[Source]) -> u64 {
    let players: usize =
        heats(contestants, sources).iter().map(|heat| heat.contestants.len()).sum();
    players as u64 * setting.test().len() as u64
}

/// Plays all, on as many threads as there are cores; `sink` is asked where the rows of a run go, by the
/// names of policy and forecaster. The runs are in the order of the contestants, then of the sources.
///
/// # Errors
/// The first row that could not be written; then the others stop.
pub fn run(
    setting: &Setting,
    contestants: &[Contestant],
    sources: &[Source],
    sink: &(dyn Fn(&str, &str) -> io::Result<Option<Sink>> + Sync),
    progress: Progress<'_>,
) -> io::Result<Vec<Run>> {
    let heats = heats(contestants, sources);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<io::Result<Vec<Run>>>> = Mutex::default();
    let work = || {
        while let Some(heat) = heats.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = heat.play(setting, sink, progress, &failed);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(heats.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut runs: Vec<Run> = Vec::new();
    for heat in done {
        runs.extend(heat?);
    }
    runs.sort_by_key(|run| {
        let contestant = contestants.iter().position(|one| one.name == run.policy);
        (contestant, sources.iter().position(|source| source.name() == run.forecaster))
    });
    Ok(runs)
}

/// Those that take forecasts, with each forecaster; and by themselves those that need none.
fn heats<'a>(contestants: &'a [Contestant], sources: &'a [Source]) -> Vec<Heat<'a>> {
    let led = sources.iter().map(|source| {
        let takes = |contestant: &&Contestant| match contestant.foresight() {
            Role::Follows => true,
            Role::Weighs => source.informs(),
            Role::Ignores => false,
        };
        Heat { source: Some(source), contestants: contestants.iter().filter(takes).collect() }
    });
    let needs_none =
        |contestant: &&Contestant| contestant.foresight() != Role::Follows || sources.is_empty();
    let alone = contestants.iter().filter(needs_none);
    let alone = alone.map(|one| Heat { source: None, contestants: vec![one] });
    led.filter(|heat| !heat.contestants.is_empty()).chain(alone).collect()
}

impl Heat<'_> {
    fn play(
        &self,
        setting: &Setting,
        sink: &(dyn Fn(&str, &str) -> io::Result<Option<Sink>> + Sync),
        progress: Progress<'_>,
        failed: &AtomicBool,
    ) -> io::Result<Vec<Run>> {
        let forecaster = self.source.map_or(NO_FORECASTER, Source::name);
        let runners = self.contestants.iter().map(|contestant| {
            let sink = sink(&contestant.name, forecaster)?;
            Runner::new(setting, contestant, forecaster, sink)
        });
        let mut runners = runners.collect::<io::Result<Vec<_>>>()?;
        let nothing = Foresight::default();
        let learning = runners.iter().any(Runner::learns);
        let first = self.source.map(|source| Outlook::begins(setting, source));
        let first = first.unwrap_or(setting.test_from);
        let mut outlook = self.source.map(|source| Outlook::new(setting, source, first));
        let school = if learning { setting.school() } else { first };
        for index in school..setting.test_from {
            let told = outlook.as_mut().filter(|_| index >= first);
            let foresight = told.map(|outlook| outlook.at(index));
            for runner in runners.iter_mut().filter(|runner| runner.learns()) {
                runner.learn(index, foresight.as_ref().unwrap_or(&nothing));
            }
        }
        let mut untold = 0;
        for index in setting.test_from..setting.load.values.len() {
            let foresight = outlook.as_mut().map(|outlook| outlook.at(index));
            for runner in &mut runners {
                runner.play(index, foresight.as_ref().unwrap_or(&nothing))?;
            }
            untold += runners.len();
            if untold >= PROGRESS_EVERY {
                progress(std::mem::take(&mut untold) as u64);
                if failed.load(Ordering::Relaxed) {
                    return Ok(Vec::new());
                }
            }
        }
        progress(untold as u64);
        runners.into_iter().map(Runner::finish).collect()
    }
}
