//! What stands before every route: passwords, headers, the rate limit, and how they change.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use loadline::config::{BasicAuth, Web};
use loadline::web::{Front, Limits, WriteGuard, landing, protected};
use tempfile::TempDir;

use crate::support::{
    PATIENCE, Process, Reply, Running, client, http_get, http_get_with, loadline,
};

struct Stage {
    file: PathBuf,
    server: Running,
    _folder: TempDir,
}

impl Stage {
    async fn new(web: &str) -> Self {
        let page = async || landing("title", "sentence", &[]);
        Self::serving(Router::new().route("/", get(page)), web).await
    }

    async fn serving(router: Router, web: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("web.yml");
        fs::write(&file, web).expect("written");
        let front = Front::load(&file).unwrap_or_else(|e| panic!("{e}"));
        let server = Running::behind(Some(front), router, Limits::default()).await;
        Self { file, server, _folder: folder }
    }

    fn rewrite(&self, web: &str) {
        fs::write(&self.file, web).expect("written");
    }

    async fn get(&self, path: &str, user: Option<(&str, &str)>) -> Reply {
        let header = user.map(|(user, password)| basic(user, password));
        let headers: Vec<_> = header.iter().map(|h| ("authorization", h.as_str())).collect();
        http_get_with(&self.server.url(path), &headers).await.expect("an answer")
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn users(list: &[(&str, &str)]) -> String {
    let line = |(user, password): &(&str, &str)| {
        format!("  {user}: '{}'\n", bcrypt::hash(password, 4).expect("hashed"))
    };
    format!("basic_auth_users:\n{}", list.iter().map(line).collect::<String>())
}

#[tokio::test]
async fn without_the_password_nothing_is_shown() {
    let stage = Stage::new(&users(&[("ann", "p:w"), ("bob", "öß")])).await;
    for (user, status) in [
        (None, 401),
        (Some(("ann", "p:w")), 200),
        (Some(("ann", "p:w")), 200),
        (Some(("bob", "öß")), 200),
        (Some(("ann", "öß")), 401),
        (Some(("ann", "")), 401),
        (Some(("eve", "p:w")), 401),
    ] {
        assert_eq!(stage.get("/", user).await.status, status, "{user:?}");
    }
    // What is not there needs the password too, and so does health.
    for path in ["/nothing", "/-/healthy"] {
        assert_eq!(stage.get(path, None).await.status, 401);
        assert_eq!(stage.get(path, Some(("ann", "p:w"))).await.status, 404);
    }
    let refused = stage.get("/", None).await;
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"loadline\", charset=\"UTF-8\"");
    assert!(refused.text().contains("a user and a password are required"), "{}", refused.text());
    for other in ["Bearer p:w", "Basic", "Basic !", "Basic YW5u"] {
        let headers = [("authorization", other)];
        let reply = http_get_with(&stage.server.url("/"), &headers).await.expect("an answer");
        assert_eq!(reply.status, 401, "{other}");
    }
}

#[tokio::test]
async fn many_wrong_passwords_keep_nobody_out_who_is_known() {
    let stage = Arc::new(Stage::new(&users(&[("ann", "a")])).await);
    assert_eq!(stage.get("/", Some(("ann", "a"))).await.status, 200);
    let mut attack = tokio::task::JoinSet::new();
    for number in 0..100 {
        let stage = Arc::clone(&stage);
        attack
            .spawn(async move { stage.get("/", Some(("ann", &number.to_string()))).await.status });
    }
    assert_eq!(stage.get("/", Some(("ann", "a"))).await.status, 200);
    while let Some(status) = attack.join_next().await {
        assert!([401, 503].contains(&status.expect("ran")));
    }
}

#[tokio::test]
async fn users_change_without_a_restart_and_never_vanish() {
    let stage = Stage::new(&users(&[("ann", "old")])).await;
    let status = async |user, password| stage.get("/", Some((user, password))).await.status;
    assert_eq!(status("ann", "old").await, 200);
    stage.rewrite(&users(&[("ann", "new"), ("bob", "b")]));
    assert_eq!(status("ann", "old").await, 401);
    assert_eq!(status("ann", "new").await, 200);
    assert_eq!(status("bob", "b").await, 200);
    // Emptied, damaged, removed: the last good file holds.
    for bad in
        ["", "basic_auth_users: {}\n", "basic_auth_users: [\n", "basic_auth_users: {ann: x}\n"]
    {
        stage.rewrite(bad);
        assert_eq!(stage.get("/", None).await.status, 401, "{bad:?}");
        assert_eq!(status("bob", "b").await, 200, "{bad:?}");
    }
    fs::remove_file(&stage.file).expect("removed");
    assert_eq!(stage.get("/", None).await.status, 401);
    assert_eq!(status("bob", "b").await, 200);
    stage.rewrite(&users(&[("ann", "last")]));
    assert_eq!(status("bob", "b").await, 401);
    assert_eq!(status("ann", "last").await, 200);
}

#[tokio::test]
async fn protection_may_come_while_it_runs() {
    let stage = Stage::new("").await;
    assert_eq!(stage.get("/", None).await.status, 200);
    stage.rewrite(&users(&[("ann", "a")]));
    assert_eq!(stage.get("/", None).await.status, 401);
    assert_eq!(stage.get("/", Some(("ann", "a"))).await.status, 200);
}

#[tokio::test]
async fn headers_are_on_every_answer() {
    let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    \
                   Content-Security-Policy: default-src 'self'\n    X-XSS-Protection: ''\n";
    let stage = Stage::new(&format!("{headers}{}", users(&[("ann", "a")]))).await;
    let ann = Some(("ann", "a"));
    for (path, user, status) in [("/", ann, 200), ("/nothing", ann, 404), ("/", None, 401)] {
        let reply = stage.get(path, user).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-frame-options"), "deny");
        // In place of the page's own.
        let policies: Vec<_> = reply.headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["default-src 'self'"]);
        assert!(!reply.headers.contains_key("x-xss-protection"));
    }
}

#[tokio::test]
async fn beyond_the_rate_requests_are_refused() {
    let stage = Stage::new("rate_limit: {interval: 1h, burst: 2}\n").await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(stage.get("/", None).await.status);
    }
    assert_eq!(seen, [200, 200, 429, 429]);
    let refused = stage.get("/", None).await;
    assert_eq!(refused.header("retry-after"), "3600");
    assert!(refused.text().contains("one more every 3600 s"), "{}", refused.text());
    // Another file without another rate changes nothing.
    stage.rewrite("# a comment\nrate_limit: {interval: 1h, burst: 2}\n");
    assert_eq!(stage.get("/", None).await.status, 429);
    stage.rewrite("rate_limit: {interval: 0}\n");
    assert_eq!(stage.get("/", None).await.status, 200);
}

#[tokio::test]
async fn a_bad_file_is_logged_once() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("web.yml");
    fs::write(&file, "").expect("written");
    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
    command.arg(format!("--web.config.file={}", file.display()));
    let mut exporter = Process::spawn("exporter", command);
    let url = format!("http://{}/healthz", exporter.wait_address(PATIENCE).await);
    let logged = async |text: &str, complaint: &str| {
        fs::write(&file, text).expect("written");
        for _ in 0..3 {
            assert_eq!(http_get(&url).await.expect("an answer").status, 200);
        }
        let complaint =
            format!("the last good settings stay in force: {}{complaint}", file.display());
        exporter.stderr().matches(&complaint).count()
    };
    assert_eq!(logged("rate_limit: x\n", ":1:13: rate_limit: ").await, 1);
    assert_eq!(logged("rate_limit: {brust: 1}\n", ":1:14: rate_limit.brust: ").await, 1);
    assert_eq!(logged("", "").await, 2, "nothing new is said");
}

/// Basic credentials that both the front and the write guard know open both; a token cannot be sent
/// beside a password, as there is one header for both.
#[tokio::test]
async fn the_front_and_the_write_guard_share_one_header() {
    let settings = Web {
        bearer_token: Some("tok".to_owned()),
        basic_auth: Some(BasicAuth {
            username: "ann".to_owned(),
            password: Some("a".to_owned()),
            password_file: None,
        }),
        ..Web::default()
    };
    let guard = Arc::new(WriteGuard::new(&settings).expect("sound settings"));
    let writes = protected(Router::new().route("/write", post(async || "written")), guard);
    let router = Router::new().route("/read", get(async || "read")).merge(writes);
    let stage = Stage::serving(router, &users(&[("ann", "a"), ("bob", "b")])).await;
    let write = async |authorization: &str| {
        let request = client().post(stage.server.url("/write"));
        let response = request.header("authorization", authorization).send().await;
        response.expect("an answer").status().as_u16()
    };
    assert_eq!(stage.get("/read", Some(("bob", "b"))).await.status, 200);
    assert_eq!(write(&basic("ann", "a")).await, 200);
    assert_eq!(write(&basic("bob", "b")).await, 401);
    assert_eq!(write("Bearer tok").await, 401);
}

#[tokio::test]
async fn without_a_file_nothing_changes() {
    let router = Router::new().route("/", get(async || "hello"));
    let server = Running::start(router, Limits::default()).await;
    assert_eq!(http_get(&server.url("/")).await.expect("an answer").text(), "hello");
}
