use super::*;
use crate::config::AlertRule;
use crate::target::TargetId;
use proptest::prelude::*;

const CPU: &str = "ContainerCpuSaturated";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + seconds * 1000)
}

/// An alert as Alertmanager's JSON has it; `starts` in seconds after [`at`]'s zero.
fn alert(status: &str, name: &str, container: &str, starts: i64) -> serde_json::Value {
    serde_json::json!({
        "status": status,
        "labels": {"alertname": name, "instance": "h:1", "name": container, "severity": "warning"},
        "startsAt": at(starts).to_string(),
        "fingerprint": format!("{name}-{container}"),
    })
}

fn webhook(alerts: &[serde_json::Value]) -> Webhook {
    let body = serde_json::json!({"version": "4", "alerts": alerts, "truncatedAlerts": 2});
    Webhook::parse(body.to_string().as_bytes()).unwrap()
}

fn target(container: &str) -> Target {
    let labels = [("instance", "h:1"), ("name", container), ("id", "/docker/x")];
    Target {
        id: TargetId::new("web", ["h:1", container]),
        rule: "web".into(),
        labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }
}

fn identity() -> Vec<String> {
    ["instance", "name"].map(str::to_owned).into()
}

/// Names and weights of what reaches the container's CPU.
fn cpu_signals(book: &AlertBook, container: &str, now: Timestamp) -> Vec<(String, f64)> {
    book.signals_for(&target(container), &identity(), Dimension::Cpu, now, &Alerts::default())
        .into_iter()
        .map(|signal| (signal.alertname, signal.weight))
        .collect()
}

fn receive(book: &mut AlertBook, alerts: &[serde_json::Value], now: Timestamp) -> Receipt {
    book.receive(&webhook(alerts), now, &Alerts::default())
}

#[test]
fn an_alert_reaches_its_container_and_dimension_only() {
    let mut book = AlertBook::default();
    let receipt = receive(&mut book, &[alert("firing", CPU, "shop", 0)], at(5));
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.truncated, 2);
    assert_eq!(cpu_signals(&book, "shop", at(6)), [(CPU.to_owned(), 1.0)]);
    assert_eq!(cpu_signals(&book, "bank", at(6)), []);
    let rules = Alerts::default();
    assert_eq!(
        book.signals_for(&target("shop"), &identity(), Dimension::Memory, at(6), &rules),
        []
    );
    let signal = &book.signals_for(&target("shop"), &identity(), Dimension::Cpu, at(6), &rules)[0];
    assert_eq!(signal.expires_at, at(5 + 15 * 60));
    assert_eq!(signal.fingerprint, "ContainerCpuSaturated-shop");
}

#[test]
fn labels_that_are_absent_or_empty_match_nothing() {
    let mut book = AlertBook::default();
    let mut nameless = alert("firing", CPU, "", 0);
    receive(&mut book, &[nameless.clone()], at(0));
    assert_eq!(cpu_signals(&book, "", at(1)), [], "empty on both sides");
    nameless["labels"].as_object_mut().unwrap().remove("name");
    receive(&mut book, &[nameless], at(0));
    assert_eq!(cpu_signals(&book, "shop", at(1)), []);

    let mut book = AlertBook::default();
    receive(&mut book, &[alert("firing", CPU, "shop", 0)], at(0));
    let rules = Alerts::default();
    let of = |identity: &[String]| {
        book.signals_for(&target("shop"), identity, Dimension::Cpu, at(1), &rules).len()
    };
    assert_eq!(of(&[]), 0, "a rule without identity matches nothing");
    assert_eq!(of(&["id".to_owned()]), 0, "a label that the alert lacks");
    assert_eq!(of(&["name".to_owned()]), 1);
}

#[test]
fn a_repeat_lengthens_the_life_and_is_not_journalled_at_once() {
    let mut book = AlertBook::default();
    let firing = [alert("firing", CPU, "shop", 0)];
    receive(&mut book, &firing, at(0));
    let receipt = receive(&mut book, &firing, at(60));
    assert_eq!((receipt.events.len(), receipt.repeated), (0, 1));
    assert_eq!(cpu_signals(&book, "shop", at(60 + 15 * 60 - 1)).len(), 1);
    assert_eq!(cpu_signals(&book, "shop", at(60 + 15 * 60)), []);

    // Half of 15 minutes after the record, the journal is told again, and then not for a while.
    let receipt = receive(&mut book, &firing, at(450));
    assert_eq!((receipt.events.len(), receipt.repeated), (1, 1));
    assert_eq!(receive(&mut book, &firing, at(460)).events.len(), 0);
}

#[test]
fn resolved_releases() {
    let mut book = AlertBook::default();
    receive(&mut book, &[alert("firing", CPU, "shop", 0)], at(0));
    let receipt = receive(&mut book, &[alert("resolved", CPU, "shop", 0)], at(30));
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].status, AlertStatus::Resolved);
    assert!(book.is_empty());
    assert_eq!(cpu_signals(&book, "shop", at(30)), []);
    let receipt = receive(&mut book, &[alert("resolved", CPU, "shop", 0)], at(31));
    assert_eq!((receipt.events.len(), receipt.ignored), (0, 1), "said twice");
}

#[test]
fn episodes_are_told_apart_by_their_start() {
    let mut book = AlertBook::default();
    receive(&mut book, &[alert("firing", CPU, "shop", 100)], at(100));
    let receipt = receive(&mut book, &[alert("resolved", CPU, "shop", 0)], at(101));
    assert_eq!((receipt.events.len(), receipt.ignored), (0, 1), "the end of an earlier episode");
    let receipt = receive(&mut book, &[alert("firing", CPU, "shop", 0)], at(102));
    assert_eq!(
        (receipt.events.len(), receipt.ignored),
        (0, 1),
        "a late word of an earlier episode"
    );
    let receipt = receive(&mut book, &[alert("firing", CPU, "shop", 200)], at(200));
    assert_eq!((receipt.events.len(), receipt.repeated), (1, 0), "a new episode");
    receive(&mut book, &[alert("resolved", CPU, "shop", 200)], at(210));
    // Prometheus was away: Alertmanager gave the alert up, then heard of the same episode again.
    let receipt = receive(&mut book, &[alert("firing", CPU, "shop", 200)], at(220));
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(cpu_signals(&book, "shop", at(221)).len(), 1);
}

#[test]
fn the_same_alert_twice_in_one_body_counts_once() {
    let mut book = AlertBook::default();
    let firing = alert("firing", CPU, "shop", 0);
    let receipt = receive(&mut book, &[firing.clone(), firing], at(0));
    assert_eq!((receipt.events.len(), receipt.repeated), (1, 1));
}

#[test]
fn alerts_without_a_rule_and_with_monstrous_labels_are_ignored() {
    let mut book = AlertBook::default();
    let mut monstrous = alert("firing", CPU, "shop", 0);
    monstrous["labels"]["note"] = "x".repeat(MOST_LABEL_BYTES).into();
    let alerts =
        [alert("firing", "DiskFull", "shop", 0), monstrous, alert("firing", CPU, "bank", 0)];
    let receipt = receive(&mut book, &alerts, at(0));
    assert_eq!((receipt.events.len(), receipt.ignored), (1, 2), "the good one is not lost");
    assert_eq!(cpu_signals(&book, "bank", at(1)).len(), 1);
}

#[test]
fn the_book_has_an_end_and_makes_room() {
    let mut book = AlertBook::default();
    let many: Vec<_> =
        (0..=MOST_ALERTS).map(|i| alert("firing", CPU, &format!("c{i}"), 0)).collect();
    let receipt = receive(&mut book, &many, at(0));
    assert_eq!((receipt.events.len(), receipt.dropped), (MOST_ALERTS, 1));
    assert_eq!(book.len(), MOST_ALERTS);
    let receipt = receive(&mut book, &many[..1], at(1));
    assert_eq!((receipt.repeated, receipt.dropped), (1, 0), "a known alert needs no room");
    // All but the one heard of at 1 s are over now.
    let receipt = receive(&mut book, &many[MOST_ALERTS..], at(15 * 60));
    assert_eq!((receipt.events.len(), receipt.dropped), (1, 0));
    assert_eq!(book.len(), 2);
}

#[test]
fn each_rule_has_its_own_weight_and_patience() {
    let rule = |dimension, weight, minutes: u64| AlertRule {
        alertname: "X".to_owned(),
        dimension,
        weight,
        ttl: Duration::from_secs(60 * minutes),
    };
    let rules = Alerts {
        rules: vec![rule(Dimension::Cpu, 0.25, 1), rule(Dimension::Memory, 2.0, 10)],
        ..Alerts::default()
    };
    let mut book = AlertBook::default();
    book.receive(&webhook(&[alert("firing", "X", "shop", 0)]), at(0), &rules);
    let of = |dimension, now| -> Vec<f64> {
        book.signals_for(&target("shop"), &identity(), dimension, now, &rules)
            .iter()
            .map(|signal| signal.weight)
            .collect()
    };
    assert_eq!(of(Dimension::Cpu, at(59)), [0.25]);
    assert_eq!(of(Dimension::Cpu, at(60)), [] as [f64; 0]);
    assert_eq!(of(Dimension::Memory, at(60)), [2.0]);

    let mut later = book.clone();
    later.forget_expired(at(60), &rules);
    assert_eq!(later, book, "memory's rule still wants it");
    later.forget_expired(at(600), &rules);
    assert!(later.is_empty());
    book.forget_expired(at(1), &Alerts::default());
    assert!(book.is_empty(), "no rule names it any more");
}

#[test]
fn a_restart_remembers_what_the_journal_was_told() {
    let mut book = AlertBook::default();
    let mut journal = Vec::new();
    for (now, alerts) in [
        (0, vec![alert("firing", CPU, "shop", 0), alert("firing", CPU, "bank", 0)]),
        (10, vec![alert("resolved", CPU, "bank", 0)]),
        (20, vec![alert("firing", "ContainerAnomalous", "shop", 15)]),
    ] {
        journal.extend(receive(&mut book, &alerts, at(now)).events);
    }
    // Through the journal's own notation.
    let lines: Vec<String> = journal.iter().map(|e| serde_json::to_string(e).unwrap()).collect();
    let events = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(AlertBook::restore(events), book);
    assert_eq!(book.len(), 2);
}

proptest! {
    /// Whatever comes in whatever order: what is restored from the journal stands for the same targets,
    /// and no journal line is written for nothing.
    #[test]
    fn the_journal_tells_the_whole_story(
        steps in proptest::collection::vec((any::<bool>(), 0..3i64, 0..4i64, 0..300i64), 0..40)
    ) {
        let (mut book, mut journal, mut now) = (AlertBook::default(), Vec::new(), 0);
        for (firing, container, episode, pause) in steps {
            now += pause;
            let status = if firing { "firing" } else { "resolved" };
            let one = alert(status, CPU, &format!("c{container}"), episode * 60);
            let before = book.clone();
            let receipt = receive(&mut book, std::slice::from_ref(&one), at(now));
            let counted = receipt.events.len().max(receipt.repeated) + receipt.ignored + receipt.dropped;
            prop_assert_eq!(counted, 1);
            let again = receive(&mut book, &[one], at(now));
            prop_assert!(again.events.is_empty(), "said twice, journalled twice");
            if receipt.events.is_empty() && receipt.repeated == 0 {
                let mut kept = before;
                kept.forget_expired(at(now), &Alerts::default());
                prop_assert_eq!(&kept, &book);
            }
            journal.extend(receipt.events);
        }
        let mut restored = AlertBook::restore(journal);
        restored.forget_expired(at(now), &Alerts::default());
        for container in restored.standing.keys() {
            prop_assert!(book.standing.contains_key(container), "a restart invents no alert");
        }
        for (fingerprint, alert) in &book.standing {
            // At most half a life is lost.
            if now * 1000 - (alert.heard_at.millis() - at(0).millis()) < 450_000 {
                prop_assert!(restored.standing.contains_key(fingerprint));
            }
        }
    }
}
