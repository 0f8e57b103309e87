//! What servers answer: metrics, health, hints.

use std::io::Read;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use loadline::web::{Error, Format, Limits, Link, Ready, exposition, health, landing};

use crate::support::{Running, client, http_get, http_get_with};

fn metrics() -> Router {
    let route = get(async |headers: HeaderMap| {
        exposition(&headers, |format, out| {
            let body = match format {
                Format::Text => b"up 1\n".repeat(1000),
                Format::OpenMetrics => b"up 1\n# EOF\n".to_vec(),
            };
            out.write_all(&body).map_err(|error| Error::internal(error.to_string()))
        })
    });
    Router::new().route("/metrics", route)
}

#[tokio::test]
async fn metrics_come_as_asked_for() {
    let server = Running::start(metrics(), Limits::default()).await;
    let url = server.url("/metrics");
    let plain = http_get(&url).await.expect("an answer");
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("vary"), "Accept, Accept-Encoding");
    assert_eq!(plain.text(), "up 1\n".repeat(1000));

    let small = http_get_with(&url, &[("accept-encoding", "gzip")]).await.expect("an answer");
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(small.body.len() < 200, "{} bytes", small.body.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&small.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, plain.text());

    let accept = [("accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1")];
    let open = http_get_with(&url, &accept).await.expect("an answer");
    assert_eq!(
        open.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(open.text(), "up 1\n# EOF\n");
}

#[tokio::test]
async fn a_scrape_that_fails_says_so() {
    let route = get(async |headers: HeaderMap| {
        exposition(&headers, |_, _| Err(Error::internal("the disk is gone")))
    });
    let server = Running::start(Router::new().route("/", route), Limits::default()).await;
    let reply = http_get(&server.url("/")).await.expect("an answer");
    assert_eq!(reply.status, 500);
    assert_eq!(reply.text(), r#"{"error":"the disk is gone","status":"error"}"#);
}

#[tokio::test]
async fn readiness_is_a_latch() {
    let ready = Ready::waiting_for("the first scrape");
    let server = Running::start(health(ready.clone()), Limits::default()).await;
    let get = async |path: &str| {
        let reply = http_get(&server.url(path)).await.expect("an answer");
        (reply.status, reply.text().to_owned())
    };
    assert_eq!(get("/-/healthy").await, (200, "healthy\n".to_owned()));
    let (status, text) = get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(text.contains("waiting for the first scrape"), "{text}");
    ready.set();
    assert_eq!(get("/-/ready").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn wrong_paths_and_methods_get_a_hint() {
    let server = Running::start(metrics(), Limits::default()).await;
    let reply = http_get(&server.url("/metrcs?x=<b>")).await.expect("an answer");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.text(),
        r#"{"error":"nothing is at /metrcs: see / for what there is","status":"error"}"#
    );
    let reply = client().post(server.url("/metrics")).send().await.expect("an answer");
    assert_eq!(reply.status(), 405);
    assert_eq!(reply.headers()["allow"], "GET,HEAD");
    let text = reply.text().await.expect("text");
    assert!(text.contains("/metrics does not take POST: see the header Allow"), "{text}");
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let server = Running::start(metrics(), Limits::default()).await;
    let reply = server.raw("HEAD /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("content-length: 5000\r\n") && reply.ends_with("\r\n\r\n"), "{reply}");
}

#[tokio::test]
async fn the_landing_page_runs_nothing() {
    let route = get(async || landing("<script>", "a & b", &[Link::new("/\"><b>", "metrics")]));
    let server = Running::start(Router::new().route("/", route), Limits::default()).await;
    let reply = http_get(&server.url("/")).await.expect("an answer");
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    insta::assert_snapshot!("landing", reply.text());
}
