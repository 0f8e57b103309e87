//! The simulation against plain transcriptions of what it must reproduce: seed 5's simulator and the
//! yardstick's loop.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{Policy, Scale};
use crate::forecast::{Forecast, Horizon, Kind, Series};
use crate::units::Timestamp;

const X: f64 = f64::NAN;
const MINUTE: Duration = Duration::from_secs(60);
const COOLDOWN: Duration = Duration::from_secs(300);

fn setting(load: &[f64], capacity: f64, startup_delay: Duration, initial: u32) -> Setting {
    Setting {
        load: Series { start: Timestamp::default(), step: MINUTE, values: load.to_vec() },
        test_from: 0,
        capacity,
        startup_delay,
        every: 1,
        bounds: Scale { min: 1.0, max: 1e6 },
        initial,
        net: Net::Forecasts,
        price: 1.0,
        service_time: Duration::from_millis(40),
        objective: Duration::from_millis(150),
    }
}

fn contestant(name: &str) -> Contestant {
    let policy = Policy::named(name).expect("a policy");
    Contestant { name: name.to_owned(), ..Contestant::new(policy, None, COOLDOWN) }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one writer").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A column of a run's rows; not a number where the cell is empty.
type Columns = std::collections::BTreeMap<String, Vec<f64>>;

/// Plays one contestant, and reads what was written.
fn play(setting: &Setting, contestant: Contestant, sources: &[Source]) -> (Columns, Run) {
    let lines = Lines::default();
    let sink = |_: &str, _: &str| {
        let lines: Box<dyn Write + Send> = Box::new(lines.clone());
        Ok(Some(Sink::from_writer(lines)))
    };
    let mut runs = run(setting, &[contestant], sources, &sink, &|_| {}).expect("written");
    let bytes = lines.0.lock().expect("written").clone();
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let header = reader.headers().expect("a header").clone();
    let mut columns = Columns::new();
    for record in reader.records() {
        for (name, cell) in header.iter().zip(record.expect("a row").iter()) {
            columns.entry(name.to_owned()).or_default().push(cell.parse().unwrap_or(X));
        }
    }
    (columns, runs.remove(0))
}

fn bits(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect()
}

/// Seed 5's simulator: a choice, the safety net in the same minute, latency and CPU.
/// `(containers, latency, cpu)` by the minute; a minute without a demand holds.
fn seed(policy: &str, demand: &[f64], pred: &[f64], upper: &[f64]) -> Vec<(f64, f64, f64)> {
    const C: f64 = 25.0;
    let suffer = |demand: f64, n: f64| {
        let per = demand / n;
        if per <= C {
            (40.0, per / C * 70.0)
        } else {
            (40.0 + 2.0 * (per - C).powf(1.5), (70.0 + (per / C - 1.0) * 100.0).min(100.0))
        }
    };
    let (mut current, mut last) = (2.0_f64, None::<usize>);
    let mut rows = Vec::new();
    for t in 0..demand.len() {
        if demand[t].is_nan() {
            rows.push((current, X, X));
            continue;
        }
        let pred = if pred[t].is_nan() { demand[t] } else { pred[t] };
        let upper = if upper[t].is_nan() { pred } else { upper[t] };
        let mut n = match policy {
            "static" => 2.0,
            "simple_ceiling" => (pred / C).ceil().max(1.0),
            "buffered" => (pred * 1.15 / C).ceil().max(1.0),
            "confidence_aware" => (upper / C).ceil().max(1.0),
            _ => {
                let mut n = current;
                if last.is_none_or(|last| t - last >= 10) {
                    let need = pred / C;
                    if need > current {
                        n = (current + 1.0).min(20.0);
                        last = Some(t);
                    } else if need < 0.6 * current {
                        n = (current - 1.0).max(1.0);
                        last = Some(t);
                    }
                }
                n
            }
        };
        let (mut latency, mut cpu) = suffer(demand[t], n);
        if policy != "static" && (latency > 150.0 || cpu > 90.0) {
            n += 1.0;
            (latency, cpu) = suffer(demand[t], n);
            last = Some(t);
        }
        current = n;
        rows.push((n, latency, cpu));
    }
    rows
}

const SEED_POLICIES: [&str; 5] =
    ["static", "simple_ceiling", "buffered", "confidence_aware", "step"];

fn agrees_with_the_seed(demand: &[f64], pred: &[f64], upper: &[f64]) {
    let setting = setting(demand, 25.0, Duration::ZERO, 2);
    let source = [Source::ByTime(ByTime { point: pred.to_vec(), upper: Some(upper.to_vec()) })];
    for policy in SEED_POLICIES {
        let (columns, _) = play(&setting, contestant(policy), &source);
        let expected = seed(policy, demand, pred, upper);
        let column =
            |of: fn(&(f64, f64, f64)) -> f64| bits(&expected.iter().map(of).collect::<Vec<f64>>());
        assert_eq!(bits(&columns["containers"]), column(|row| row.0), "{policy}: {demand:?}");
        assert_eq!(bits(&columns["lat_ms"]), column(|row| row.1), "{policy}");
        assert_eq!(bits(&columns["cpu_pct"]), column(|row| row.2), "{policy}");
        for (t, (n, _, _)) in expected.iter().enumerate().filter(|(t, _)| !demand[*t].is_nan()) {
            let over = f64::from(u8::from(n * 25.0 > 1.15 * demand[t]));
            let under = f64::from(u8::from(demand[t] > n * 25.0));
            assert_eq!((columns["over"][t], columns["under"][t]), (over, under), "{policy} {t}");
        }
    }
}

/// Zero, exactly at and just above the capacity of one, two and three; a gap in the demand, one in the
/// forecast; a load that trips the net; a step down in the last minute of a pause and in the first after.
#[test]
fn seed_5_is_reproduced_where_it_is_delicate() {
    let mut demand = vec![
        0.0, 25.0, 25.000001, 50.0, 50.1, 75.0, 75.1, X, 60.0, 90.1, 300.0, 1000.0, 20.0, 0.0, 0.0,
    ];
    demand.extend([10.0; 45]);
    demand.extend([200.0; 30]);
    demand.extend([30.0, 29.9, 0.0, 28.75, 28.7]);
    let mut pred: Vec<f64> = demand.iter().map(|load| load * 0.9).collect();
    pred[3] = X;
    pred[4] = 0.0;
    pred[5] = -3.0;
    pred[8] = 75.0;
    pred[20] = 25.0 / 1.15;
    pred[21] = 26.0 / 1.15;
    let upper: Vec<f64> = pred.iter().map(|load| load.abs() * 1.2).collect();
    agrees_with_the_seed(&demand, &pred, &upper);
}

/// The pause of `step` ends with its tenth minute; the net begins it anew.
#[test]
fn the_pause_of_step_is_ten_minutes() {
    for edge in 8..13 {
        let mut demand = vec![70.0];
        demand.extend(vec![40.0; edge]);
        demand.extend([10.0, 10.0, 80.0, 10.0]);
        demand.extend(vec![10.0; 24]);
        agrees_with_the_seed(&demand, &demand, &demand);
    }
}

/// The yardstick's loop for the HPA: `(ready by the minute, actions)`.
fn yardstick(load: &[f64], capacity: f64, initial: i64) -> (Vec<f64>, u64) {
    let (mut current, mut actions) = (initial, 0);
    let mut pending: VecDeque<(usize, i64)> = VecDeque::new();
    let mut recent: VecDeque<i64> = VecDeque::new();
    let mut ready = Vec::new();
    for (t, load) in load.iter().enumerate() {
        while pending.front().is_some_and(|(at, _)| *at <= t) {
            current += pending.pop_front().expect("there is one").1;
        }
        ready.push(current as f64);
        let wanted = current + pending.iter().map(|(_, count)| count).sum::<i64>();
        let used = load / (current as f64 * capacity) / 0.7;
        let mut desired =
            if (used - 1.0).abs() <= 0.1 { wanted } else { (current as f64 * used).ceil() as i64 };
        desired = desired.min((2 * current).max(current + 4));
        let newest = desired.max(1);
        recent.push_back(newest);
        if recent.len() > 5 {
            recent.pop_front();
        }
        desired = if desired > wanted { newest } else { *recent.iter().max().expect("one") };
        if newest <= wanted {
            desired = desired.min(wanted);
        }
        if desired > wanted {
            pending.push_back((t + 2, desired - wanted));
            actions += 1;
        } else if desired < wanted {
            let mut surplus = wanted - desired;
            while let (1.., Some((_, newest))) = (surplus, pending.back_mut()) {
                let stopped = surplus.min(*newest);
                *newest -= stopped;
                surplus -= stopped;
                if *newest == 0 {
                    pending.pop_back();
                }
            }
            current -= surplus;
            actions += 1;
        }
    }
    (ready, actions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn seed_5_is_reproduced(
        minutes in prop::collection::vec(
            (prop::option::weighted(0.95, 0.0..200.0), prop::option::weighted(0.9, -5.0..200.0), 0.0..1.5),
            1..80,
        ),
    ) {
        let demand: Vec<f64> = minutes.iter().map(|(demand, _, _)| demand.unwrap_or(X)).collect();
        let pred: Vec<f64> = minutes.iter().map(|(_, pred, _)| pred.unwrap_or(X)).collect();
        let upper: Vec<f64> =
            minutes.iter().zip(&pred).map(|((_, _, more), pred)| pred + pred.abs() * more).collect();
        agrees_with_the_seed(&demand, &pred, &upper);
    }

    #[test]
    fn the_hpa_moves_as_the_yardstick_does(
        loads in prop::collection::vec(0.0..400.0, 1..120), initial in 1u32..30, smooth in 0.0..1.0,
    ) {
        let mut level = 100.0;
        let load: Vec<f64> = loads.iter().map(|load| {
            level += (load - level) * smooth;
            level
        }).collect();
        let setting = setting(&load, 10.0, 2 * MINUTE, initial);
        let (columns, run) = play(&setting, contestant("hpa"), &[]);
        let (ready, actions) = yardstick(&load, 10.0, i64::from(initial));
        prop_assert_eq!(&columns["containers"], &ready);
        prop_assert_eq!(run.figures.actions, actions);
    }

    #[test]
    fn replicas_stay_within_bounds_and_fall_on_no_gap(
        loads in prop::collection::vec(prop::option::weighted(0.8, 0.0..400.0), 1..80),
    ) {
        let load: Vec<f64> = loads.iter().map(|load| load.unwrap_or(X)).collect();
        let bounds = Scale { min: 2.0, max: 9.0 };
        let setting = Setting { bounds, ..setting(&load, 10.0, 2 * MINUTE, 5) };
        for policy in Policy::names(crate::target::Dimension::Replicas) {
            let (columns, run) = play(&setting, contestant(policy), &[naive()]);
            let wanted = &columns["wanted"];
            prop_assert!(wanted.iter().all(|n| (2.0..=9.0).contains(n)), "{policy}: {wanted:?}");
            for t in (1..load.len()).filter(|t| load[*t].is_nan()) {
                prop_assert!(wanted[t] >= wanted[t - 1], "{policy} at {t}");
            }
            prop_assert_eq!(run.figures.steps, loads.iter().flatten().count() as u64);
        }
    }
}

fn naive() -> Source {
    Source::Models { name: "naive".to_owned(), kinds: vec![Kind::Naive], events: Arc::default() }
}

#[test]
fn what_is_expected_was_said_when_replicas_had_to_be_asked_for() {
    let load = [10.0, 20.0, X, 40.0, 50.0, 60.0];
    let setting = setting(&load, 10.0, 2 * MINUTE, 1);
    let follow = |source| play(&setting, contestant("simple_ceiling"), &[source]).0;
    let minute = |minutes: u32| setting.load.at(minutes as usize);
    // The minute's number and its tenth part, a minute and two ahead.
    let said = |origin: u32| Forecast {
        origin: minute(origin),
        model: "file".into(),
        levels: vec![0.5],
        horizons: vec![
            Horizon { after: MINUTE, values: vec![f64::from(origin) + 1.1] },
            Horizon { after: 2 * MINUTE, values: vec![f64::from(origin) + 2.2] },
        ],
    };
    let columns = follow(Source::ByOrigin((0..6).map(said).map(Arc::new).collect()));
    // Nobody had said anything of the first two minutes, in which the load is taken for granted.
    assert_eq!(columns["pred"], [10.0, 20.0, 2.2, 3.2, 4.2, 5.2]);
    assert_eq!(columns["forecast_high"], [2.2, 3.2, 4.2, 5.2, 6.2, 7.2]);

    let point = vec![1.0, 2.0, 3.0, 4.0, 5.0, X];
    let columns = follow(Source::ByTime(ByTime { point, upper: None }));
    assert_eq!(columns["pred"], [1.0, 2.0, 3.0, 4.0, 5.0, 60.0]);
    assert_eq!(bits(&columns["forecast_high"]), bits(&[3.0, 4.0, 5.0, 5.0, X, X]));
}

/// A forecast that comes seldom is followed until its last horizon has passed.
#[test]
fn an_old_forecast_still_tells_what_is_ahead() {
    let load = [10.0; 8];
    let setting = setting(&load, 10.0, 2 * MINUTE, 1);
    let horizon =
        |ahead: u32| Horizon { after: ahead * MINUTE, values: vec![10.0 * f64::from(ahead)] };
    let once = Forecast {
        origin: setting.load.at(0),
        model: "file".into(),
        levels: vec![0.5],
        horizons: (1..=6).map(horizon).collect(),
    };
    let source = Source::ByOrigin(vec![Arc::new(once)]);
    let (columns, _) = play(&setting, contestant("simple_ceiling"), &[source]);
    assert_eq!(columns["wanted"], [2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 1.0, 1.0]);
}

#[test]
fn models_learn_from_what_came_before_and_know_nothing_of_what_comes() {
    let wave =
        |minute: u32| 100.0 + 50.0 * (f64::from(minute) * std::f64::consts::TAU / 1440.0).sin();
    let mut load: Vec<f64> = (0..4 * 1440).map(wave).collect();
    let forecasts = |load: &[f64]| {
        let setting = Setting { test_from: 3 * 1440, ..setting(load, 10.0, 2 * MINUTE, 10) };
        let ets = Source::Models {
            name: "ets".to_owned(),
            kinds: vec![Kind::Ets],
            events: Arc::default(),
        };
        play(&setting, contestant("simple_ceiling"), &[ets]).0.remove("forecast_high").unwrap()
    };
    let before = forecasts(&load);
    assert!(before.iter().all(|value| (40.0..170.0).contains(value)), "{:?}", before.first());
    for later in &mut load[3 * 1440 + 700..] {
        *later = 1000.0;
    }
    assert_eq!(before[..700], forecasts(&load)[..700]);
}

#[test]
fn without_a_forecast_the_load_itself_is_followed() {
    let load = [10.0, 95.0, 40.0];
    let setting = setting(&load, 10.0, Duration::ZERO, 1);
    let file = [Source::ByTime(ByTime { point: vec![X; 3], upper: None })];
    let (columns, _) = play(&setting, contestant("simple_ceiling"), &file);
    assert_eq!(columns["containers"], [1.0, 10.0, 4.0]);
}

#[test]
fn a_decision_every_so_often_moves_nothing_in_between() {
    let load: Vec<f64> = (0..20).map(|t| f64::from(t * 10)).collect();
    let setting = Setting { every: 5, ..setting(&load, 10.0, Duration::ZERO, 1) };
    let (columns, run) = play(&setting, contestant("simple_ceiling"), &[]);
    let expected = [1.0, 5.0, 10.0, 15.0].map(|n| [n; 5]).concat();
    assert_eq!(columns["containers"], expected);
    assert_eq!(run.figures.actions, 3);
}
