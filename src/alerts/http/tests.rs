use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Method, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

/// A host whose clock stands still and whose journal can be made to fail.
#[derive(Default)]
struct FakeHost {
    journal: StdMutex<Vec<AlertEvent>>,
    answers: StdMutex<Vec<&'static str>>,
    disk_is_full: AtomicBool,
}

impl Host for FakeHost {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000)
    }

    fn settings(&self) -> Alerts {
        Alerts { max_body_bytes: 1000, ..Alerts::default() }
    }

    async fn persist(&self, events: Vec<AlertEvent>) -> Result<(), String> {
        if self.disk_is_full.load(Ordering::Relaxed) {
            return Err("no space left on device".to_owned());
        }
        self.journal.lock().unwrap().extend(events);
        Ok(())
    }

    fn answered(&self, result: &'static str) {
        self.answers.lock().unwrap().push(result);
    }
}

fn intake() -> (Arc<FakeHost>, Arc<Intake<Arc<FakeHost>>>) {
    let host = Arc::new(FakeHost::default());
    (Arc::clone(&host), Arc::new(Intake::new(host, AlertBook::default())))
}

async fn post_body(intake: &Arc<Intake<Arc<FakeHost>>>, body: &str) -> (u16, String) {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/alerts")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = router(Arc::clone(intake)).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

const FIRING: &str = r#"{"version":"4","alerts":[{"status":"firing","fingerprint":"f",
    "labels":{"alertname":"ContainerCpuSaturated","name":"shop"},"startsAt":"2026-01-01T00:00:00Z"}]}"#;

#[tokio::test]
async fn an_accepted_webhook_is_journalled_and_announced() {
    let (host, intake) = intake();
    let (status, body) = post_body(&intake, FIRING).await;
    assert_eq!(
        (status, body.as_str()),
        (200, r#"{"dropped":0,"ignored":0,"journalled":1,"repeated":0,"truncated":0}"#)
    );
    assert_eq!(host.journal.lock().unwrap().len(), 1);
    intake.changed().await;
    assert_eq!(intake.book().await.len(), 1);

    let (status, body) = post_body(&intake, FIRING).await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""journalled":0,"repeated":1"#), "{body}");
    assert_eq!(host.journal.lock().unwrap().len(), 1);
    assert_eq!(*host.answers.lock().unwrap(), ["accepted", "accepted"]);
}

#[tokio::test]
async fn what_is_not_on_disk_has_not_happened() {
    let (host, intake) = intake();
    host.disk_is_full.store(true, Ordering::Relaxed);
    let (status, body) = post_body(&intake, FIRING).await;
    assert_eq!(status, 503);
    assert!(body.contains("try again: no space left on device"), "{body}");
    assert!(intake.book().await.is_empty());

    host.disk_is_full.store(false, Ordering::Relaxed);
    let (status, body) = post_body(&intake, FIRING).await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""journalled":1"#), "the repetition counts as the first: {body}");
    assert_eq!(*host.answers.lock().unwrap(), ["unavailable", "accepted"]);
}

#[tokio::test]
async fn bad_webhooks_change_nothing() {
    let (host, intake) = intake();
    let mut long = FIRING.to_owned();
    long.push_str(&" ".repeat(1001 - FIRING.len()));
    let mut fits = long.clone();
    fits.pop();
    for (body, expected, says) in [
        (&FIRING[..100], 400, "malformed webhook"),
        (r#"{"version":"5"}"#, 400, "expected \\\"4\\\""),
        (&long, 413, "alerts.max_body_bytes"),
    ] {
        let (status, answer) = post_body(&intake, body).await;
        assert_eq!(status, expected, "{answer}");
        assert!(answer.contains(says), "{answer}");
    }
    assert!(intake.book().await.is_empty());
    assert_eq!(post_body(&intake, &fits).await.0, 200);
    assert_eq!(host.journal.lock().unwrap().len(), 1);
    let answers = host.answers.lock().unwrap();
    assert_eq!(*answers, ["malformed", "malformed", "too_large", "accepted"]);
}
