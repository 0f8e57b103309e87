//! What the observer makes of targets, on both servers.

use std::time::Duration;

use loadline::config::{self, TargetRule};
use loadline::promql::{Client, Freshness, Observer, TargetReadings};
use loadline::target::Signal;
use loadline::units::Timestamp;

use super::data::{Life, NOW, exposition};
use crate::support::{Exporter, PATIENCE, Prometheus, Victoria, wait_for};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((NOW + seconds) * 1000)
}

fn client(url: &str) -> Client {
    Client::new(&config::Prometheus::at(url)).expect("a client")
}

fn observer(url: &str) -> Observer {
    Observer::new(&TargetRule::named("r"), &config::Prometheus::at(url))
}

fn named<'a>(targets: &'a [TargetReadings], name: &str) -> &'a TargetReadings {
    let id = format!("r/h:1,{name}");
    targets
        .iter()
        .find(|t| t.target.id.as_str() == id)
        .unwrap_or_else(|| panic!("no {id} in {targets:?}"))
}

fn value(readings: &TargetReadings, signal: Signal) -> Option<f64> {
    readings.values[signal.index()]
}

fn freshness(readings: &TargetReadings, signal: Signal) -> Freshness {
    readings.freshness[signal.index()]
}

#[track_caller]
fn assert_near(found: Option<f64>, expected: f64) {
    let near = found.is_some_and(|f| (f - expected).abs() <= expected.abs() * 1e-6);
    assert!(near, "expected {expected}, found {found:?}");
}

/// The lives of the first scenario: each container shows one thing.
fn lives() -> Vec<Life> {
    vec![
        Life::of("fresh", "/docker/1"),
        // Its predecessor was busy until the last half minute, and is still within the rate's range.
        Life { last: -30, cores: 2.0, ..Life::of("anew", "/docker/2") },
        Life { first: -15, started: -20, cores: 0.25, ..Life::of("anew", "/docker/3") },
        Life { last: -180, ..Life::of("stale", "/docker/4") },
        Life { memory_bytes: "NaN", limit_bytes: 0, ..Life::of("odd", "/docker/5") },
        Life::of("twin", "/docker/6"),
        Life { cores: 3.0, ..Life::of("twin", "/docker/7") },
        // No name, and so not found by the default selector.
        Life::of("", "/system.slice"),
        // After the look: the same cgroup, started anew.
        Life { last: 60, ..Life::of("restarted", "/lxc/8") },
        Life { first: 75, started: 70, ..Life::of("restarted", "/lxc/8") },
        Life { last: 60, memory_bytes: "5e+07", ..Life::of("vanishing", "/docker/9") },
    ]
}

async fn one_look(url: &str) {
    let round = observer(url).observe(&client(url), at(0)).await.expect("observed");
    assert!(round.failures.is_empty(), "{:?}", round.failures);
    let names: Vec<&str> = round.targets.iter().map(|t| t.target.labels["name"].as_str()).collect();
    assert_eq!(names, ["anew", "fresh", "odd", "restarted", "stale", "twin", "vanishing"]);

    let fresh = named(&round.targets, "fresh");
    assert_eq!(fresh.target.labels["id"], "/docker/1");
    assert!(!fresh.target.labels.contains_key("__name__"));
    assert_eq!(fresh.sample_age, Duration::ZERO);
    assert_near(value(fresh, Signal::CpuUsageCores), 0.5);
    assert_near(value(fresh, Signal::CpuLimitCores), 1.5);
    assert_near(value(fresh, Signal::CpuThrottledRatio), 0.5);
    assert_near(value(fresh, Signal::MemoryWorkingSetBytes), 1e8);
    assert_near(value(fresh, Signal::MemoryLimitBytes), 268_435_456.0);
    assert_eq!(freshness(fresh, Signal::CpuUsageCores), Freshness::Fresh);
    assert_eq!(freshness(fresh, Signal::CpuPressureRatio), Freshness::Empty);
    assert_eq!(value(fresh, Signal::CpuPressureRatio), None);

    // Neither 2.25 nor 2 cores: the dead predecessor does not count.
    let anew = named(&round.targets, "anew");
    assert_eq!(anew.target.labels["id"], "/docker/3");
    let cores = value(anew, Signal::CpuUsageCores).expect("two samples make a rate");
    assert!(0.0 < cores && cores <= 0.25, "{cores}");
    assert_eq!(freshness(anew, Signal::CpuUsageCores), Freshness::Reset);
    assert_eq!(freshness(anew, Signal::MemoryWorkingSetBytes), Freshness::Reset);

    let stale = named(&round.targets, "stale");
    assert_eq!(stale.sample_age, Duration::from_secs(180));
    assert_eq!(freshness(stale, Signal::MemoryWorkingSetBytes), Freshness::Stale);
    assert_near(value(stale, Signal::MemoryWorkingSetBytes), 1e8);
    assert_eq!(freshness(stale, Signal::CpuUsageCores), Freshness::Empty);

    let odd = named(&round.targets, "odd");
    assert_eq!(value(odd, Signal::MemoryWorkingSetBytes), None);
    assert_eq!(freshness(odd, Signal::MemoryLimitBytes), Freshness::Empty);
    assert_eq!(value(odd, Signal::MemoryLimitBytes), None, "no limit is not a limit of 0");

    let twin = named(&round.targets, "twin");
    assert_eq!(twin.target.labels["id"], "/docker/6");
    assert_near(value(twin, Signal::CpuUsageCores), 0.5);
    assert_eq!(round.notes.len(), 1, "{:?}", round.notes);
    assert!(round.notes[0].starts_with("r/h:1,twin: two live containers"), "{:?}", round.notes);
}

#[tokio::test]
async fn one_look_by_prometheus() {
    let prometheus = Prometheus::with_data(&exposition(&lives()), "").await;
    one_look(&prometheus.url).await;
    let round = observer(&prometheus.url).observe(&client(&prometheus.url), at(0)).await;
    let targets = round.expect("observed").targets;
    let odd = freshness(named(&targets, "odd"), Signal::MemoryWorkingSetBytes);
    assert_eq!(odd, Freshness::NaN);
}

#[tokio::test]
async fn one_look_by_victoria_metrics() {
    let victoria = Victoria::with_data(&exposition(&lives())).await;
    one_look(&victoria.url).await;
}

/// Looks at the same targets again, minutes later.
async fn later_looks(url: &str) {
    let (client, mut observer) = (client(url), observer(url));
    let mut look = async |seconds| {
        let round = observer.observe(&client, at(seconds)).await.expect("observed");
        assert!(round.failures.is_empty(), "{:?}", round.failures);
        round.targets
    };

    let first = look(0).await;
    assert_eq!(freshness(named(&first, "restarted"), Signal::CpuUsageCores), Freshness::Fresh);
    assert_eq!(freshness(named(&first, "fresh"), Signal::Tasks), Freshness::Fresh);

    let second = look(300).await;
    let restarted = named(&second, "restarted");
    assert_eq!(freshness(restarted, Signal::CpuUsageCores), Freshness::Reset);
    assert_eq!(freshness(restarted, Signal::MemoryWorkingSetBytes), Freshness::Reset);
    assert_eq!(freshness(named(&second, "fresh"), Signal::CpuUsageCores), Freshness::Fresh);
    assert_eq!(
        freshness(named(&second, "vanishing"), Signal::MemoryWorkingSetBytes),
        Freshness::Stale
    );

    // The twin's threads went missing, which it had until now: the answer is not whole.
    let third = look(390).await;
    assert_eq!(freshness(named(&third, "restarted"), Signal::CpuUsageCores), Freshness::Fresh);
    assert_eq!(freshness(named(&third, "twin"), Signal::Tasks), Freshness::Empty);
    assert_eq!(freshness(named(&third, "fresh"), Signal::Tasks), Freshness::Partial);
    assert_eq!(freshness(named(&third, "fresh"), Signal::CpuUsageCores), Freshness::Fresh);

    // Discovery finds it no more, and it stays in sight, without a value.
    let vanished = named(&third, "vanishing");
    assert_eq!(vanished.sample_age, Duration::from_secs(330));
    assert!(vanished.values.iter().all(Option::is_none), "{vanished:?}");
    assert!(vanished.freshness.iter().all(|f| *f == Freshness::Empty), "{vanished:?}");

    let fourth = look(405).await;
    assert_eq!(freshness(named(&fourth, "fresh"), Signal::Tasks), Freshness::Fresh);

    let last = look(670).await;
    assert!(last.iter().all(|t| t.target.labels["name"] != "vanishing"), "forgotten in the end");
    named(&last, "fresh");
}

/// Half a minute of samples less for the threads of one of two.
fn lives_with_threads() -> Vec<Life> {
    let mut lives = lives();
    lives[0].threads_last = 600;
    lives.iter_mut().filter(|l| l.id == "/docker/6").for_each(|l| l.threads_last = 60);
    lives
}

#[tokio::test]
async fn later_looks_by_prometheus() {
    later_looks(&Prometheus::with_data(&exposition(&lives_with_threads()), "").await.url).await;
}

#[tokio::test]
async fn later_looks_by_victoria_metrics() {
    later_looks(&Victoria::with_data(&exposition(&lives_with_threads())).await.url).await;
}

async fn the_past(url: &str) {
    let minute = Duration::from_secs(60);
    let (observer, client) = (observer(url), client(url));
    let past = observer.backfill(&client, at(-1200), at(0), minute).await;
    let mut past = past.expect("targets");
    let piece = past.next().await.expect("a piece");
    assert!(past.next().await.is_none(), "of so few targets there is one piece");
    assert!(past.failures.is_empty(), "{:?}", past.failures);
    assert_eq!((piece.grid.at(0), piece.grid.len()), (at(-1200), 21));
    let history = |name: &str| {
        let id = format!("r/h:1,{name}");
        piece.histories.iter().find(|h| h.target.id.as_str() == id).expect(name)
    };
    let column = |name: &str, signal: Signal| -> Vec<Option<f64>> {
        history(name).rows.iter().map(|row| row[signal.index()]).collect()
    };

    let memory = column("fresh", Signal::MemoryWorkingSetBytes);
    assert_eq!(memory.len(), 21);
    assert!(memory[..10].iter().all(Option::is_none), "no samples then: {memory:?}");
    assert!(memory[10..].iter().all(|v| *v == Some(1e8)), "{memory:?}");
    let cores = column("fresh", Signal::CpuUsageCores);
    assert!(cores[..10].iter().all(Option::is_none), "{cores:?}");
    cores[12..].iter().for_each(|v| assert_near(*v, 0.5));

    // The predecessor's past, and the successor's from its first value on.
    assert_eq!(history("anew").target.labels["id"], "/docker/3");
    let cores = column("anew", Signal::CpuUsageCores);
    cores[12..20].iter().for_each(|v| assert_near(*v, 2.0));
    assert!(cores[20].is_some_and(|v| v <= 0.25), "{cores:?}");
    assert!(column("odd", Signal::MemoryLimitBytes).iter().all(Option::is_none));
}

#[tokio::test]
async fn the_past_by_prometheus() {
    the_past(&Prometheus::with_data(&exposition(&lives()), "").await.url).await;
}

#[tokio::test]
async fn a_long_past_comes_in_pieces_that_follow_each_other() {
    let prometheus = Prometheus::with_data(&exposition(&lives()), "").await;
    let (observer, client) = (observer(&prometheus.url), client(&prometheus.url));
    // More instants than one query may ask for.
    let step = Duration::from_millis(100);
    let mut past = observer.backfill(&client, at(-1200), at(0), step).await.expect("targets");
    let mut next = at(-1200);
    let mut sizes = Vec::new();
    while let Some(piece) = past.next().await {
        assert_eq!(piece.grid.at(0), next);
        next = piece.grid.at(piece.grid.len() as u64);
        for (history, target) in piece.histories.iter().zip(&past.targets) {
            assert_eq!((&history.target, history.rows.len()), (target, piece.grid.len()));
        }
        let fresh = piece.histories.iter().find(|h| h.target.labels["name"] == "fresh");
        for (row, values) in fresh.expect("found").rows.iter().enumerate() {
            let memory = values[Signal::MemoryWorkingSetBytes.index()];
            let expected = (piece.grid.at(row as u64) >= at(-600)).then_some(1e8);
            assert_eq!(memory, expected, "row {row} after {sizes:?}");
        }
        sizes.push(piece.grid.len());
    }
    assert!(past.failures.is_empty(), "{:?}", past.failures);
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (2, 12_001));
}

#[tokio::test]
async fn the_past_by_victoria_metrics() {
    the_past(&Victoria::with_data(&exposition(&lives())).await.url).await;
}

#[tokio::test]
async fn warnings_make_every_signal_partial() {
    // A remote store that nobody serves: Prometheus answers with what it has, and a warning.
    let config = format!(
        "remote_read: [{{url: \"http://127.0.0.1:{}/\", read_recent: true}}]",
        crate::support::free_port()
    );
    let prometheus = Prometheus::with_data(&exposition(&lives()), &config).await;
    let (url, client) = (&prometheus.url, client(&prometheus.url));
    let answer = client.instant("container_last_seen", Some(at(0))).await.expect("answered");
    assert!(answer.is_partial && !answer.warnings.is_empty(), "{answer:?}");
    let round = observer(url).observe(&client, at(0)).await.expect("observed");
    let fresh = named(&round.targets, "fresh");
    assert_eq!(freshness(fresh, Signal::MemoryWorkingSetBytes), Freshness::Partial);
    assert_near(value(fresh, Signal::MemoryWorkingSetBytes), 1e8);
}

#[tokio::test]
async fn one_bad_signal_leaves_the_others() {
    let prometheus = Prometheus::with_data(&exposition(&lives()), "").await;
    let mut rule = TargetRule::named("r");
    rule.signals.insert(Signal::Tasks, "sum by (".to_owned());
    rule.signals
        .insert(Signal::MemorySwapBytes, r#"{name="twin",__name__=~"container_.*"}"#.into());
    // A rule's own query may leave `id` out.
    let own = r#"sum by (instance, name) (container_memory_working_set_bytes{name="fresh"}) * 2"#;
    rule.signals.insert(Signal::MemoryWorkingSetBytes, own.to_owned());
    let mut observer = Observer::new(&rule, &config::Prometheus::at(&*prometheus.url));
    let round = observer.observe(&client(&prometheus.url), at(0)).await.expect("observed");

    let failed: Vec<Signal> = round.failures.iter().map(|(signal, _)| *signal).collect();
    assert_eq!(failed, [Signal::MemorySwapBytes, Signal::Tasks]);
    let several = round.failures[0].1.to_string();
    assert!(several.contains("several for r/h:1,twin: aggregate by (instance, name)"), "{several}");
    let syntax = round.failures[1].1.to_string();
    assert!(syntax.contains("parse error") && syntax.contains("query: sum by ("), "{syntax}");

    let fresh = named(&round.targets, "fresh");
    assert_eq!(freshness(fresh, Signal::Tasks), Freshness::Empty);
    assert_near(value(fresh, Signal::MemoryWorkingSetBytes), 2e8);
    assert_near(value(fresh, Signal::CpuUsageCores), 0.5);
    let twin = named(&round.targets, "twin");
    assert_eq!(value(twin, Signal::MemorySwapBytes), None);
    assert_eq!(freshness(twin, Signal::MemorySwapBytes), Freshness::Empty);
}

#[tokio::test]
async fn an_empty_answer_is_no_target_and_no_error() {
    let prometheus = Prometheus::start("", "").await;
    let round = observer(&prometheus.url).observe(&client(&prometheus.url), at(0)).await;
    let round = round.expect("observed");
    assert!(round.targets.is_empty() && round.failures.is_empty() && round.notes.is_empty());
}

/// A scrape configuration for `exporter`, four times a second.
fn scrape(exporter: &Exporter) -> String {
    format!(
        "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
  - {{job_name: test, static_configs: [{{targets: ['{}']}}]}}
",
        exporter.address
    )
}

/// Sees the target while it is scraped, with a rate, and sees it go when the exporter stops.
async fn live(url: &str, exporter: Exporter) {
    let settings =
        config::Prometheus { rate_interval: Duration::from_secs(5), ..config::Prometheus::at(url) };
    let client = Client::new(&settings).expect("a client");
    let mut observer = Observer::new(&TargetRule::named("r"), &settings);
    let mut look = async || {
        let now = client.instant("time()", None).await.expect("the server's clock");
        let at = now.series[0].samples[0].at;
        let round = observer.observe(&client, at).await.expect("observed");
        assert!(round.failures.is_empty(), "{:?}", round.failures);
        round.targets
    };
    let seen = wait_for("a rate of 0", PATIENCE, async || {
        let targets = look().await;
        match targets.first().and_then(|t| value(t, Signal::CpuUsageCores)) {
            Some(0.0) => Ok(targets),
            _ => Err(format!("{targets:?}")),
        }
    })
    .await;
    assert_eq!(freshness(&seen[0], Signal::MemoryWorkingSetBytes), Freshness::Fresh);
    assert!(seen[0].sample_age < Duration::from_secs(30), "{:?}", seen[0].sample_age);

    exporter.set(&live_text("2e+08"));
    wait_for("the new size", PATIENCE, async || {
        match value(&look().await[0], Signal::MemoryWorkingSetBytes) {
            Some(2e8) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    drop(exporter);
    wait_for("the target to be without values", PATIENCE, async || {
        let targets = look().await;
        let memory = freshness(&targets[0], Signal::MemoryWorkingSetBytes);
        if memory == Freshness::Empty { Ok(()) } else { Err(format!("{targets:?}")) }
    })
    .await;
}

fn live_text(memory_bytes: &str) -> String {
    let labels = r#"{name="shop",id="/docker/1"}"#;
    format!(
        "container_last_seen{labels} 1
container_start_time_seconds{labels} 1000
container_cpu_usage_seconds_total{labels} 5
container_memory_working_set_bytes{labels} {memory_bytes}
"
    )
}

#[tokio::test]
async fn a_live_target_by_prometheus() {
    let exporter = Exporter::start(&live_text("1e+08")).await;
    let prometheus = Prometheus::start(&scrape(&exporter), "").await;
    live(&prometheus.url, exporter).await;
}

#[tokio::test]
async fn a_live_target_by_victoria_metrics() {
    let exporter = Exporter::start(&live_text("1e+08")).await;
    let victoria = Victoria::start(&scrape(&exporter)).await;
    live(&victoria.url, exporter).await;
}
