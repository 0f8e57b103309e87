//! What a journal must survive.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::detect::Assessment;
use crate::guard::{Clip, ClipReason, Decision, GuardState};
use crate::policy::fixtures::START;
use crate::target::TargetId;
use crate::target::{Labels, Mode};

const FILE: &str = "journal.jsonl";

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn target(name: &str) -> Target {
    let labels = Labels::from([("name".to_owned(), name.to_owned())]);
    Target { id: TargetId::new("web", [name]), rule: "web".into(), labels }
}

fn intent(id: u64, name: &str, from: f64, to: f64) -> Intent {
    Intent {
        id,
        at: after(id),
        target: target(name),
        dimension: Dimension::Cpu,
        from: Limit::At(from),
        to,
        reason: "usage of 0.5 cores is 100 % of 0.5 cores".to_owned(),
    }
}

fn applied(id: u64, at: u64, size: f64) -> Record {
    let outcome = Outcome::Applied { size: Limit::At(size) };
    Record::Outcome { intent: id, at: after(at), outcome }
}

fn alert(fingerprint: &str, at: u64, status: AlertStatus) -> AlertEvent {
    AlertEvent {
        received_at: after(at),
        status,
        fingerprint: fingerprint.to_owned(),
        starts_at: START,
        labels: Labels::from([("name".to_owned(), "a \"quoted\"\nname ü".to_owned())]),
    }
}

fn decision(name: &str, at: u64, action: Action, desired: f64) -> Decision {
    Decision {
        at: after(at),
        target: target(name).id,
        dimension: Dimension::Cpu,
        mode: Mode::Enforce,
        current: Some(Limit::At(1.0)),
        proposed: Some(desired),
        desired: Some(desired),
        action,
        reasons: vec!["because".to_owned()],
        clips: Vec::new(),
        anomaly: None,
    }
}

fn pause(target: Option<&str>, at: u64, until: Option<u64>) -> Pause {
    let target = target.map(|name| self::target(name).id);
    Pause { at: after(at), target, until: until.map(after), reason: "deploy".to_owned() }
}

/// One of everything, in an order that could happen.
fn history() -> Vec<Record> {
    vec![
        Record::Decision(decision("a", 0, Action::ScaleUp, 1.0)),
        Record::Intent(intent(0, "a", 0.5, 1.0)),
        applied(0, 1, 1.0),
        Record::Alert(alert("f1", 2, AlertStatus::Firing)),
        Record::Pause(pause(None, 3, None)),
        Record::Intent(intent(1, "a", 1.0, 0.5)),
        Record::Intent(intent(2, "b", 1.0, 2.0)),
        applied(1, 5, 0.5),
        Record::Alert(alert("f1", 6, AlertStatus::Resolved)),
        Record::Resume { at: after(7), target: None },
        Record::Outcome {
            intent: 2,
            at: after(8),
            outcome: Outcome::Failed { size: None, error: "no such container".to_owned() },
        },
        Record::Pause(pause(Some("b"), 9, Some(100))),
        Record::Intent(intent(3, "b", 1.0, 2.0)),
    ]
}

fn open(folder: &Path) -> (Journal, Recovered) {
    Journal::open(folder).unwrap_or_else(|error| panic!("{error}"))
}

/// The file that `records` make.
fn written(records: &[Record]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    for record in records {
        journal.append(record.clone()).unwrap();
    }
    fs::read(folder.path().join(FILE)).unwrap()
}

fn recovered_from(bytes: &[u8]) -> Recovered {
    recovered_in(tempfile::tempdir().unwrap().path(), bytes)
}

fn recovered_in(folder: &Path, bytes: &[u8]) -> Recovered {
    fs::write(folder.join(FILE), bytes).unwrap();
    open(folder).1
}

fn guard_state(changes: &[(u64, Action)]) -> GuardState {
    let mut state = GuardState::default();
    for (at, direction) in changes {
        state.confirmed(after(*at), *direction);
    }
    state
}

#[test]
fn a_restart_knows_what_was_begun_and_what_was_done() {
    let recovered = recovered_from(&written(&history()));
    assert_eq!(recovered.unfinished, [intent(3, "b", 1.0, 2.0)]);
    let of_a = guard_state(&[(1, Action::ScaleUp), (5, Action::ScaleDown)]);
    let guard: Vec<_> = recovered.guard.into_iter().collect();
    assert_eq!(guard, [((target("a").id, Dimension::Cpu), of_a)], "b's change failed");
    assert_eq!(recovered.alerts, [alert("f1", 6, AlertStatus::Resolved)]);
    assert_eq!(recovered.pauses, [pause(Some("b"), 9, Some(100))]);
    assert_eq!((recovered.next_id, recovered.torn_bytes), (4, 0));
}

/// kill -9 can end a write anywhere. Whatever was complete before that is there after it.
#[test]
fn a_file_cut_anywhere_is_recovered() {
    let bytes = written(&history());
    let expected: Vec<Recovered> =
        (0..=history().len()).map(|n| recovered_from(&written(&history()[..n]))).collect();
    let folder = tempfile::tempdir().unwrap();
    for cut in 0..=bytes.len() {
        let complete = bytes[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let lines = bytes[..complete].iter().filter(|b| **b == b'\n').count();
        let recovered = recovered_in(folder.path(), &bytes[..cut]);
        assert_eq!(recovered.torn_bytes, (cut - complete) as u64, "cut at {cut}");
        assert_eq!(Recovered { torn_bytes: 0, ..recovered }, expected[lines], "cut at {cut}");
    }
}

#[test]
fn after_a_cut_the_journal_goes_on() {
    let bytes = written(&history());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), &bytes[..bytes.len() - 7]).unwrap();
    let (mut journal, recovered) = open(folder.path());
    assert_eq!((recovered.next_id, recovered.unfinished.len()), (3, 0));
    let begun = journal
        .intend(after(20), target("c"), Dimension::Cpu, Limit::Max, 2.0, "test".to_owned())
        .unwrap();
    assert_eq!(begun.id, 3);
    drop(journal);
    let (mut journal, recovered) = open(folder.path());
    assert_eq!(recovered.unfinished, std::slice::from_ref(&begun));
    journal.settle(&begun, after(21), Outcome::Applied { size: Limit::At(2.0) }).unwrap();
    drop(journal);
    let (_, recovered) = open(folder.path());
    assert_eq!(recovered.unfinished, []);
    let of_c = recovered.guard[&(target("c").id, Dimension::Cpu)].clone();
    assert_eq!(of_c, guard_state(&[(21, Action::ScaleDown)]), "to introduce a limit is a shrink");
}

#[test]
fn a_corrupt_line_in_the_middle_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(&history())).unwrap();
    for (damage, with) in [("\"record\":\"outcome\"", "\"record\":\"outcom\""), ("\"to\":1.0", "")]
    {
        fs::write(folder.path().join(FILE), text.replacen(damage, with, 1)).unwrap();
        let error = Journal::open(folder.path()).unwrap_err().to_string();
        let line = if with.is_empty() { 2 } else { 3 };
        assert!(error.contains(&format!("{FILE}, line {line}: ")), "{error}");
        assert!(error.contains("delete this line"), "{error}");
    }
}

#[test]
fn empty_lines_are_no_damage() {
    let text = String::from_utf8(written(&history())).unwrap().replace('\n', "\n\n");
    assert_eq!(recovered_from(text.as_bytes()), recovered_from(&written(&history())));
}

#[test]
fn two_scalers_cannot_share_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path());
    let error = Journal::open(folder.path()).unwrap_err();
    assert!(matches!(&error, JournalError::InUse { folder: f } if f == folder.path()), "{error}");
    drop(journal);
    open(folder.path());
}

#[test]
fn a_decision_is_written_when_it_says_something_new() {
    let same_but_for_figures = |at| {
        let mut decision = decision("a", at, Action::NoScaling, 1.0);
        let detail = format!("{at} s ago");
        let clip = Clip { reason: ClipReason::Cooldown, from: 0.5 + at as f64, to: 1.0, detail };
        decision.clips.push(clip);
        Record::Decision(decision)
    };
    let alerting = |at| {
        let mut decision = decision("a", at, Action::ScaleUp, 1.6);
        decision.anomaly = Some(Assessment {
            score: 0.8,
            alert_score: 0.7,
            threshold: 0.5,
            anomalous: true,
            contributors: Vec::new(),
        });
        Record::Decision(decision)
    };
    let bytes = written(&[
        same_but_for_figures(1),
        same_but_for_figures(2),
        Record::Decision(decision("a", 3, Action::NoScaling, 1.0)),
        Record::Decision(decision("a", 4, Action::ScaleUp, 1.5)),
        Record::Decision(decision("b", 4, Action::ScaleUp, 1.5)),
        Record::Decision(decision("a", 5, Action::ScaleUp, 1.5)),
        Record::Decision(decision("a", 6, Action::ScaleUp, 1.6)),
        alerting(7),
        alerting(8),
        Record::Decision(decision("a", 9, Action::ScaleUp, 1.6)),
    ]);
    let seconds = |line: &str| match serde_json::from_str(line).unwrap() {
        Record::Decision(decision) => decision.at.since(START).as_secs(),
        other => panic!("{other:?}"),
    };
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().map(seconds).collect::<Vec<_>>(), [1, 3, 4, 4, 6, 7, 8]);
}

#[test]
fn a_restart_repeats_no_decision() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..3 {
        let (mut journal, _) = open(folder.path());
        journal.append(Record::Decision(decision("a", at, Action::ScaleUp, 0.1 + 0.2))).unwrap();
    }
    assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap().lines().count(), 1);
}

#[test]
fn what_could_not_be_read_back_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(folder.path());
    let error = journal.append(Record::Intent(intent(0, "a", 1.0, f64::NAN))).unwrap_err();
    assert!(matches!(error, JournalError::Unreadable { .. }), "{error}");
    journal.append(Record::Intent(intent(0, "a", 1.0, 2.0))).unwrap();
    drop(journal);
    assert_eq!(open(folder.path()).1.unfinished, [intent(0, "a", 1.0, 2.0)]);
}

#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Records as they could follow on each other, over several weeks.
fn histories() -> impl Strategy<Value = Vec<Record>> {
    let step = (0u8..7, 0usize..3, 0.1..4.0, 1u64..20_000);
    prop::collection::vec(step, 0..80).prop_map(|steps| {
        let (mut records, mut open, mut at, mut next_id) = (Vec::new(), Vec::new(), 0, 0);
        for (kind, who, size, seconds) in steps {
            at += seconds;
            let name = ["a", "b", "c"][who];
            match kind {
                0 => {
                    records.push(Record::Intent(Intent {
                        at: after(at),
                        ..intent(next_id, name, 1.0, size)
                    }));
                    open.push(next_id);
                    next_id += 1;
                }
                1 if !open.is_empty() => records.push(applied(open.remove(0), at, size)),
                2 => records.push(Record::Alert(alert(name, at, AlertStatus::Firing))),
                3 => records.push(Record::Alert(alert(name, at, AlertStatus::Resolved))),
                4 => records.push(Record::Pause(pause(Some(name), at, None))),
                5 => {
                    let target = Some(target(name).id);
                    records.push(Record::Resume { at: after(at), target });
                }
                _ => records.push(Record::Decision(decision(name, at, Action::ScaleUp, size))),
            }
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_survive_a_round_trip(records in histories()) {
        for record in records {
            let line = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        }
    }
}

proptest! {
    // Every record is synced: a case costs tens of milliseconds.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Compaction, while running and at opening, drops nothing that is younger than a week.
    #[test]
    fn a_short_file_says_what_the_long_one_said(records in histories()) {
        let long = recovered_from(&written(&records));
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open_bounded(folder.path(), 2000).unwrap();
        for record in &records {
            journal.append(record.clone()).unwrap();
        }
        drop(journal);
        let (_, short) = Journal::open_bounded(folder.path(), 2000).unwrap();
        prop_assert_eq!(&short.unfinished, &long.unfinished);
        prop_assert_eq!(&short.pauses, &long.pauses);
        prop_assert_eq!(short.next_id, long.next_id);
        let newest = records.iter().map(Record::at).max().unwrap_or_default();
        let young = |at: Timestamp| newest.since(at) < Duration::from_secs(7 * 24 * 3600);
        for event in long.alerts.iter().filter(|event| young(event.received_at)) {
            prop_assert!(short.alerts.contains(event));
        }
        for (key, state) in &long.guard {
            if state.last_change().is_some_and(young) {
                prop_assert_eq!(short.guard.get(key), Some(state));
            }
        }
    }
}

#[test]
fn the_file_stays_short() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open_bounded(folder.path(), 20_000).unwrap();
    for at in 0..1000 {
        let size = 1.0 + at as f64;
        journal.append(Record::Decision(decision("a", at, Action::ScaleUp, size))).unwrap();
        let length = fs::metadata(folder.path().join(FILE)).unwrap().len();
        assert!(length <= 20_000, "{length} bytes after {at} decisions");
    }
    drop(journal);
    let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(text.len() > 10_000 - 400, "half of it is history: {}", text.len());
    let Record::Decision(last) = serde_json::from_str(text.lines().last().unwrap()).unwrap() else {
        panic!("not a decision: {text}");
    };
    assert_eq!(last.desired, Some(1000.0));
}

#[test]
fn numbers_are_never_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open_bounded(folder.path(), 4000).unwrap();
    journal.append(Record::Intent(intent(6, "a", 1.0, 2.0))).unwrap();
    let outcome = Outcome::Failed { size: None, error: "gone".to_owned() };
    journal.settle(&intent(6, "a", 1.0, 2.0), after(7), outcome).unwrap();
    for at in 8..100 {
        let size = 1.0 + at as f64;
        journal.append(Record::Decision(decision("a", at, Action::ScaleUp, size))).unwrap();
    }
    drop(journal);
    let (_, recovered) = Journal::open_bounded(folder.path(), 4000).unwrap();
    assert_eq!((recovered.next_id, recovered.unfinished), (7, Vec::new()));
}

#[test]
fn a_compaction_that_was_killed_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(&history());
    fs::write(folder.path().join(FILE), &bytes).unwrap();
    fs::write(folder.path().join("journal.jsonl.new"), &bytes[..50]).unwrap();
    let (_, recovered) = Journal::open_bounded(folder.path(), 100).unwrap();
    assert_eq!(recovered, recovered_from(&bytes));
    assert!(!folder.path().join("journal.jsonl.new").exists());
}

#[test]
fn sizes_are_compared_as_a_kernel_rounds_them() {
    let mib = 1048576.0;
    let memory = Intent {
        dimension: Dimension::Memory,
        ..intent(0, "a", 100.0 * mib, 100.0 * mib + 5000.0)
    };
    let real = |size| reconcile::<()>(&memory, Ok(Limit::At(size)));
    assert_eq!(real(100.0 * mib + 4096.0), Reconcile::AlreadyDone);
    let cpu = intent(0, "a", 0.5, 1.0);
    let real = |size| reconcile::<()>(&cpu, Ok(Limit::At(size)));
    assert_eq!(real(1.0), Reconcile::AlreadyDone);
    assert_eq!(real(0.996), Reconcile::AlreadyDone);
    assert_eq!(real(0.5), Reconcile::Redo);
    assert_eq!(real(0.50001), Reconcile::Redo);
    assert_eq!(real(0.75), Reconcile::Foreign(Limit::At(0.75)));
    assert_eq!(reconcile::<()>(&cpu, Ok(Limit::Max)), Reconcile::Foreign(Limit::Max));
    assert_eq!(reconcile(&cpu, Err("gone")), Reconcile::Unknown);
    let introduced = Intent { from: Limit::Max, ..cpu };
    assert_eq!(reconcile::<()>(&introduced, Ok(Limit::Max)), Reconcile::Redo);
    let small = |b| same_size(Dimension::Memory, Limit::At(8192.0), Limit::At(b));
    assert!(small(4096.0) && small(12288.0) && !small(12289.0));
    let quota = |b| same_size(Dimension::Cpu, Limit::At(0.001), Limit::At(b));
    assert!(quota(0.00101) && !quota(0.00102));
}
