//! Who may write.

use std::fs;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use loadline::config::{BasicAuth, Web};
use loadline::web::{Limits, WriteGuard, protected};

use crate::support::{Reply, Running, client, http_get};

async fn start(settings: &Web) -> Running {
    let guard = Arc::new(WriteGuard::new(settings).expect("sound settings"));
    let writes = protected(Router::new().route("/write", post(async || "written")), guard);
    let router = Router::new().route("/read", get(async || "read")).merge(writes);
    Running::start(router, Limits::default()).await
}

async fn write(server: &Running, headers: &[(&str, &str)]) -> Reply {
    let request = client().post(server.url("/write"));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Reply::read(request.send().await.expect("an answer")).await.expect("a whole answer")
}

fn bearer(token: &str) -> Web {
    Web { bearer_token: Some(token.to_owned()), ..Web::default() }
}

fn basic(username: &str, password: &str) -> Web {
    let (username, password) = (username.to_owned(), Some(password.to_owned()));
    Web {
        basic_auth: Some(BasicAuth { username, password, password_file: None }),
        ..Web::default()
    }
}

#[tokio::test]
async fn credentials_open_writing_and_reading_is_open() {
    let both = Web { bearer_token: Some("tok".to_owned()), ..basic("me", "p:w") };
    let open = Web { allow_unauthenticated_writes: true, ..Web::default() };
    // base64: me:p:w, me:p, you:p:w
    let (right, short, other) = ("Basic bWU6cDp3", "Basic bWU6cA==", "Basic eW91OnA6dw==");
    let table: [(&Web, &[(&str, u16)]); 5] = [
        (&Web::default(), &[("", 403), ("Bearer tok", 403), (right, 403)]),
        (&open, &[("", 200), ("Bearer whatever", 200)]),
        (
            &bearer("tok"),
            &[
                ("", 401),
                ("Bearer tok", 200),
                ("bearer  tok ", 200),
                ("Bearer to", 401),
                ("Bearer tokk", 401),
                ("Bearer", 401),
                ("tok", 401),
                (right, 401),
            ],
        ),
        (
            &basic("me", "p:w"),
            &[
                ("", 401),
                (right, 200),
                (short, 401),
                (other, 401),
                ("Basic !", 401),
                ("Bearer p:w", 401),
            ],
        ),
        (&both, &[("", 401), (right, 200), ("Bearer tok", 200), (other, 401)]),
    ];
    for (settings, requests) in table {
        let server = start(settings).await;
        assert_eq!(http_get(&server.url("/read")).await.expect("an answer").status, 200);
        for (authorization, status) in requests {
            let headers = [("authorization", *authorization)];
            let headers = if authorization.is_empty() { &[][..] } else { &headers };
            let reply = write(&server, headers).await;
            assert_eq!(reply.status, *status, "{settings:?} {authorization:?}: {}", reply.text());
            assert_eq!(reply.text() == "written", *status == 200);
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let both = Web { bearer_token: Some("tok".to_owned()), ..basic("me", "pw") };
    let reply = write(&start(&both).await, &[]).await;
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(
        challenges,
        ["Bearer realm=\"loadline\"", "Basic realm=\"loadline\", charset=\"UTF-8\""]
    );
    assert!(reply.text().contains("send an Authorization header"), "{}", reply.text());

    let reply = write(&start(&Web::default()).await, &[]).await;
    assert!(
        reply.text().contains("set web.bearer_token_file or web.basic_auth"),
        "{}",
        reply.text()
    );
    assert_eq!(reply.header("www-authenticate"), "");
}

#[tokio::test]
async fn a_new_secret_in_the_file_counts_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, "old\n").expect("written");
    let settings = Web { bearer_token_file: Some(file.clone()), ..Web::default() };
    let server = start(&settings).await;
    let status = async |token: &str| {
        write(&server, &[("authorization", &format!("Bearer {token}"))]).await.status
    };
    assert_eq!((status("old").await, status("new").await), (200, 401));
    fs::write(&file, "new\n").expect("written");
    assert_eq!((status("old").await, status("new").await), (401, 200));
    fs::write(&file, "\n").expect("written");
    assert_eq!((status("").await, status("new").await), (500, 500));
    fs::remove_file(&file).expect("removed");
    assert_eq!(status("new").await, 500);
}

#[tokio::test]
async fn a_page_of_another_site_may_not_write() {
    let open = Web { allow_unauthenticated_writes: true, ..Web::default() };
    let server = start(&open).await;
    assert_eq!(write(&server, &[("sec-fetch-site", "cross-site")]).await.status, 403);
    assert_eq!(write(&server, &[("sec-fetch-site", "same-origin")]).await.status, 200);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let file = Some("/nonexistent/token".into());
    let twice = Web { bearer_token_file: file.clone(), ..bearer("tok") };
    let both = Web { allow_unauthenticated_writes: true, ..bearer("tok") };
    let no_password = Web {
        basic_auth: Some(BasicAuth {
            username: "me".to_owned(),
            password: None,
            password_file: None,
        }),
        ..Web::default()
    };
    let no_file = Web { bearer_token_file: file, ..Web::default() };
    for (settings, expected) in [
        (twice, "set one of web.bearer_token and web.bearer_token_file"),
        (no_password, "set one of web.basic_auth.password and web.basic_auth.password_file"),
        (bearer(""), "web.bearer_token is empty"),
        (
            both,
            "web.allow_unauthenticated_writes contradicts the credentials beside it: remove one",
        ),
        (
            no_file,
            "cannot read the secret file /nonexistent/token: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(WriteGuard::new(&settings).expect_err("refused").to_string(), expected);
    }
}

#[test]
fn secrets_are_not_printed() {
    let guard = WriteGuard::new(&basic("me", "hunter2")).expect("sound settings");
    assert!(!format!("{guard:?}").contains("hunter2"));
}
