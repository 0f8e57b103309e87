//! A real Alertmanager posts to the real route; and what the route says to those who are not one.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use loadline::alerts::{AlertBook, Host, Intake, router};
use loadline::config;
use loadline::journal::{AlertEvent, AlertStatus};
use loadline::policy::AlertSignal;
use loadline::scaler;
use loadline::target::{Dimension, Target, TargetId};
use loadline::units::Timestamp;
use loadline::web::{Limits, ListenAddress, Server, WriteGuard, protected};
use serde_json::json;
use tempfile::TempDir;

use crate::support::alertmanager::Alertmanager;
use crate::support::{PATIENCE, client, wait_for};

/// The scaler as far as the webhook knows it: a clock and a journal.
#[derive(Default)]
struct Journal {
    events: Mutex<Vec<AlertEvent>>,
    /// How many more times writing fails.
    failures: AtomicUsize,
    answers: Mutex<Vec<&'static str>>,
}

impl Host for Journal {
    fn now(&self) -> Timestamp {
        scaler::now()
    }

    fn settings(&self) -> config::Alerts {
        config::Alerts::default()
    }

    async fn persist(&self, events: Vec<AlertEvent>) -> Result<(), String> {
        let failing = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, failing).is_ok() {
            return Err("no space left on device".to_owned());
        }
        self.events.lock().unwrap().extend(events);
        Ok(())
    }

    fn answered(&self, result: &'static str) {
        self.answers.lock().unwrap().push(result);
    }
}

/// The route on a port of its own, behind `web`'s guard.
struct Receiver {
    url: String,
    journal: Arc<Journal>,
    intake: Arc<Intake<Arc<Journal>>>,
}

impl Receiver {
    async fn start(web: config::Web) -> Self {
        let journal = Arc::new(Journal::default());
        let intake = Arc::new(Intake::new(Arc::clone(&journal), AlertBook::default()));
        let guard = Arc::new(WriteGuard::new(&web).expect("the settings are sound"));
        let router = protected(router(Arc::clone(&intake)), guard);
        let address = ListenAddress::loopback(0);
        let server = Server::bind(&[address], Limits::default()).await.expect("a port");
        let url = format!("http://{}/api/v1/alerts", server.addresses()[0]);
        tokio::spawn(server.serve(router, std::future::pending()));
        Self { url, journal, intake }
    }

    /// Waits until an alert began or ended.
    async fn changed(&self) {
        let changed = tokio::time::timeout(PATIENCE, self.intake.changed()).await;
        changed.expect("a webhook arrives in time");
    }

    async fn signals(&self, dimension: Dimension) -> Vec<AlertSignal> {
        let labels = [("instance", "h:1"), ("name", "shop"), ("id", "/docker/1")];
        let target = Target {
            id: TargetId::new("web", ["h:1", "shop"]),
            rule: "web".into(),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        };
        let identity = ["instance", "name"].map(str::to_owned);
        let (now, rules) = (self.journal.now(), self.journal.settings());
        self.intake.book().await.signals_for(&target, &identity, dimension, now, &rules)
    }
}

const TOKEN: &str = "open-sesame";

fn bearer() -> config::Web {
    config::Web { bearer_token: Some(TOKEN.to_owned()), ..config::Web::default() }
}

fn basic() -> config::Web {
    let auth = config::BasicAuth {
        username: "alertmanager".to_owned(),
        password: Some(TOKEN.to_owned()),
        password_file: None,
    };
    config::Web { basic_auth: Some(auth), ..config::Web::default() }
}

fn shipped_config() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alertmanager/alertmanager.yml");
    std::fs::read_to_string(file).expect("alertmanager.yml is there")
}

/// The shipped configuration, with `changes` made to it: each must find its text.
fn adapted(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(shipped_config(), |config, (from, to)| {
        assert!(config.contains(from), "alertmanager.yml holds {from:?}");
        config.replace(from, to)
    })
}

/// What Prometheus sends for one alert of the container `shop`.
fn alert(alertname: &str, over: bool) -> serde_json::Value {
    let mut alert = json!({
        "labels": {"alertname": alertname, "instance": "h:1", "name": "shop", "severity": "warning"},
        "annotations": {"summary": "a test"},
        "startsAt": "2026-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
    });
    if over {
        alert["endsAt"] = scaler::now().to_string().into();
    }
    alert
}

const SHIPPED_URL: &str = "http://scaler:10102/api/v1/alerts";
const SHIPPED_TOKEN: &str = "/run/secrets/loadline_webhook_token";
const QUICK: (&str, &str) = ("group_interval: 30s", "group_interval: 1s");

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stands_from_firing_to_resolved() {
    let receiver = Receiver::start(bearer()).await;
    let folder = TempDir::new().expect("a temporary folder");
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).expect("the token is written");
    let config = adapted(&[
        (SHIPPED_URL, &receiver.url),
        (SHIPPED_TOKEN, token.to_str().expect("a path in UTF-8")),
        QUICK,
    ]);
    let alertmanager = Alertmanager::start(&config).await;

    alertmanager.post_alerts(json!([alert("ContainerCpuSaturated", false)])).await;
    receiver.changed().await;
    let signals = receiver.signals(Dimension::Cpu).await;
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!((signals[0].alertname.as_str(), signals[0].weight), ("ContainerCpuSaturated", 1.0));
    assert_eq!(receiver.signals(Dimension::Memory).await, []);

    // An alert of another kind does not reach the scaler: the next thing it hears of is the end.
    let strange = json!([alert("LoadlineInputStale", false), alert("ContainerCpuSaturated", true)]);
    alertmanager.post_alerts(strange).await;
    receiver.changed().await;
    assert_eq!(receiver.signals(Dimension::Cpu).await, []);

    let events = receiver.journal.events.lock().unwrap().clone();
    let story: Vec<_> = events.iter().map(|e| (e.labels["alertname"].as_str(), e.status)).collect();
    let name = "ContainerCpuSaturated";
    assert_eq!(story, [(name, AlertStatus::Firing), (name, AlertStatus::Resolved)]);
    assert_eq!(events[0].fingerprint.len(), 16);
    assert_eq!(events[0].fingerprint, events[1].fingerprint);
    let restored = AlertBook::restore(events);
    assert!(restored.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_auth_is_as_good_and_a_full_disk_loses_nothing() {
    let receiver = Receiver::start(basic()).await;
    receiver.journal.failures.store(2, Ordering::Relaxed);
    let credentials = format!("basic_auth: {{username: alertmanager, password: {TOKEN}}}");
    let config = adapted(&[
        (SHIPPED_URL, &receiver.url),
        (
            "authorization:\n            credentials_file: /run/secrets/loadline_webhook_token",
            &credentials,
        ),
        QUICK,
    ]);
    let alertmanager = Alertmanager::start(&config).await;
    alertmanager.post_alerts(json!([alert("ContainerMemoryPressure", false)])).await;
    receiver.changed().await;
    assert_eq!(receiver.signals(Dimension::Memory).await.len(), 1);
    assert_eq!(receiver.journal.events.lock().unwrap().len(), 1);
    // The answer is counted after the loop is woken.
    wait_for("the answers to be counted", PATIENCE, async || {
        let answers = receiver.journal.answers.lock().unwrap().clone();
        let expected = ["unavailable", "unavailable", "accepted"];
        if answers == expected { Ok(()) } else { Err(format!("{answers:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_webhooks_get_the_right_status_and_a_hint() {
    let good = json!({"version": "4", "alerts": [{
        "status": "firing", "fingerprint": "0011223344556677", "startsAt": "2026-01-01T00:00:00Z",
        "labels": {"alertname": "ContainerCpuSaturated", "instance": "h:1", "name": "shop"},
    }]})
    .to_string();
    let receiver = Receiver::start(bearer()).await;
    let post = || client().post(&receiver.url);
    let with_token = || post().bearer_auth(TOKEN);
    let huge = format!("{{\"version\":\"4\",\"groupKey\":\"{}\"}}", "x".repeat(10_000_000));

    for (what, request, status, hint) in [
        (
            "wrong version",
            with_token().body(good.replace("\"4\"", "\"3\"")),
            400,
            "expected \\\"4\\\"",
        ),
        ("no version", with_token().body("{}"), 400, "webhook_config"),
        (
            "truncated",
            with_token().body(good[..good.len() / 2].to_owned()),
            400,
            "malformed webhook",
        ),
        ("10 MB", with_token().body(huge), 413, "alerts.max_body_bytes"),
        ("no credentials", post().body(good.clone()), 401, "Authorization"),
        ("wrong token", post().bearer_auth("sesame").body(good.clone()), 401, "wrong credentials"),
        ("wrong scheme", post().basic_auth("x", Some(TOKEN)).body(good.clone()), 401, "wrong"),
        ("wrong method", client().get(&receiver.url).bearer_auth(TOKEN), 405, "GET"),
    ] {
        let reply = request.send().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let (found, text) = (reply.status().as_u16(), reply.text().await.expect("an answer"));
        assert_eq!(found, status, "{what}: {text}");
        assert!(text.contains(hint), "{what}: {text}");
    }
    assert!(receiver.intake.book().await.is_empty());
    assert!(receiver.journal.events.lock().unwrap().is_empty());

    // After all that the route still works.
    let reply = with_token().body(good.clone()).send().await.expect("an answer");
    assert_eq!(reply.status().as_u16(), 200);
    assert_eq!(receiver.signals(Dimension::Cpu).await.len(), 1);

    let closed = Receiver::start(config::Web::default()).await;
    let reply = client().post(&closed.url).body(good).send().await.expect("an answer");
    assert_eq!(reply.status().as_u16(), 403);
    assert!(reply.text().await.expect("an answer").contains("web.bearer_token_file"));
    assert!(closed.intake.book().await.is_empty());
}
