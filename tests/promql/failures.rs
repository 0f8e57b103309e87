//! What can go wrong with a query, and what it says.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use loadline::config::{self, Authorization, BasicAuth, HttpConfig, TlsConfig};
use loadline::promql::{Answer, Client, QueryError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{PATIENCE, Process, Prometheus, Victoria, free_port};

async fn ask(settings: &config::Prometheus, query: &str) -> Result<Answer, QueryError> {
    Client::new(settings).expect("a client").instant(query, None).await
}

/// The error of a query, with the port left out.
async fn error_of(settings: &config::Prometheus, query: &str) -> (QueryError, String) {
    let error = ask(settings, query).await.expect_err("no answer");
    let port = settings.url.rsplit(':').next().expect("a port");
    let text = error.to_string().replace(port, "PORT");
    (error, text)
}

#[tokio::test]
async fn a_wrong_query_is_told_in_the_servers_words() {
    let prometheus = Prometheus::start("", "").await;
    let (error, text) = error_of(&config::Prometheus::at(&*prometheus.url), "sum(").await;
    assert!(!error.recoverable());
    assert_eq!(
        text,
        "Prometheus answered with status 400: invalid parameter \"query\": 1:5: parse error: \
         unclosed left parenthesis: correct the query, or narrow it; \
         url: http://127.0.0.1:PORT/api/v1/query; query: sum("
    );
    let victoria = Victoria::start("").await;
    let (error, text) = error_of(&config::Prometheus::at(&*victoria.url), "sum(").await;
    assert!(!error.recoverable());
    assert!(text.starts_with("Prometheus answered with status 422: "), "{text}");
    assert!(text.contains("sum("), "{text}");
}

#[tokio::test]
async fn a_range_that_is_too_long_is_refused() {
    let prometheus = Prometheus::start("", "").await;
    let client = Client::new(&config::Prometheus::at(&*prometheus.url)).expect("a client");
    let start = loadline::units::Timestamp::from_seconds(0.0);
    let end = start.plus(Duration::from_secs(11_001));
    let error = client.range("up", start, end, Duration::from_secs(1)).await.expect_err("refused");
    assert!(error.to_string().contains("11,000 points"), "{error}");
}

#[tokio::test]
async fn nobody_listens() {
    let settings = config::Prometheus::at(format!("http://127.0.0.1:{}", free_port()));
    let (error, text) = error_of(&settings, "up").await;
    assert!(error.recoverable());
    assert_eq!(
        text,
        "cannot reach Prometheus: Connection refused (os error 111): check prometheus.url and that \
         the server is running there; url: http://127.0.0.1:PORT/api/v1/query; query: up"
    );
}

#[tokio::test]
async fn nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("bound");
    let settings = config::Prometheus {
        timeout: Duration::from_millis(50),
        ..config::Prometheus::at(format!("http://{address}"))
    };
    let (error, text) = error_of(&settings, "up").await;
    assert!(error.recoverable());
    assert_eq!(
        text,
        "Prometheus did not answer within 50ms: raise prometheus.timeout or simplify the query; \
         url: http://127.0.0.1:PORT/api/v1/query; query: up"
    );
}

/// A server that sends `reply` to every request, whatever it asks.
async fn replying(reply: &'static str) -> config::Prometheus {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let mut request = vec![0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(reply.as_bytes()).await;
        }
    });
    config::Prometheus::at(format!("http://{address}"))
}

#[tokio::test]
async fn another_server_answers() {
    let mut text = String::new();
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html>\n</html",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot here\n",
        "HTTP/1.1 302 Found\r\nlocation: https://h/login\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"",
        "hello\r\n\r\n",
    ] {
        let (error, message) = error_of(&replying(reply).await, "up").await;
        let recoverable = if error.recoverable() { "recoverable" } else { "final" };
        text.push_str(&format!("{recoverable}: {message}\n"));
    }
    insta::assert_snapshot!(text);
}

/// Makes a certificate for 127.0.0.1 and its key in `folder`.
async fn make_certificate(folder: &Path) {
    let mut command = Command::new("openssl");
    command.current_dir(folder);
    command.args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test".split(' '));
    command.args(["-keyout", "key.pem", "-out", "cert.pem"]);
    command.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let mut openssl = Process::spawn("openssl", command);
    assert!(openssl.wait_exit(PATIENCE).await.success(), "{}", openssl.stderr());
}

#[tokio::test]
async fn passwords_and_certificates() {
    let folder = TempDir::new().expect("a folder");
    make_certificate(folder.path()).await;
    let ca_file = folder.path().join("cert.pem");
    let password_file = folder.path().join("password");
    // bcrypt of "secret", at the lowest cost.
    let web = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}
basic_auth_users: {reader: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW}
";
    let prometheus = Prometheus::behind(folder, web).await;
    let basic_auth = BasicAuth {
        username: "reader".to_owned(),
        password: None,
        password_file: Some(password_file.clone()),
    };
    let trusting = TlsConfig { ca_file: Some(ca_file), insecure_skip_verify: false };
    let mut settings = config::Prometheus {
        http_config: HttpConfig {
            basic_auth: Some(basic_auth),
            tls_config: trusting,
            ..HttpConfig::default()
        },
        ..config::Prometheus::at(&*prometheus.url)
    };
    let client = Client::new(&settings).expect("a client");

    let missing = client.instant("up", None).await.expect_err("there is no password file yet");
    assert!(missing.recoverable());
    let expected = format!("cannot read {}: No such file", password_file.display());
    assert!(missing.to_string().starts_with(&expected), "{missing}");

    std::fs::write(&password_file, "wrong\n").expect("written");
    let wrong = client.instant("up", None).await.expect_err("a wrong password");
    assert!(!wrong.recoverable());
    let wrong = wrong.to_string();
    assert!(wrong.starts_with("Prometheus answered with status 401: "), "{wrong}");
    assert!(wrong.contains("check prometheus.http_config"), "{wrong}");

    // The same client: the file is read anew for every request.
    std::fs::write(&password_file, "secret\n").expect("written");
    client.instant("up", None).await.expect("the right password");

    settings.http_config.tls_config = TlsConfig::default();
    let distrust = ask(&settings, "up").await.expect_err("nobody vouches for the certificate");
    assert!(distrust.to_string().starts_with("cannot reach Prometheus: "), "{distrust}");
    assert!(distrust.to_string().contains("certificate"), "{distrust}");
    settings.http_config.tls_config.insecure_skip_verify = true;
    ask(&settings, "up").await.expect("asked to trust anyone");
}

#[tokio::test]
async fn tokens_and_headers_are_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; 4096];
        let n = socket.read(&mut request).await.expect("a request");
        String::from_utf8_lossy(&request[..n]).into_owned()
    });
    let settings = config::Prometheus {
        http_config: HttpConfig {
            authorization: Some(Authorization {
                kind: "Bearer".to_owned(),
                credentials: Some("t0ken".to_owned()),
                credentials_file: None,
            }),
            http_headers: [("X-Scope-OrgID".to_owned(), "team-a".to_owned())].into(),
            ..HttpConfig::default()
        },
        ..config::Prometheus::at(format!("http://{address}/prometheus/"))
    };
    ask(&settings, "up").await.expect_err("no answer");
    let request = server.await.expect("served").to_lowercase();
    assert!(request.starts_with("post /prometheus/api/v1/query http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: bearer t0ken\r\n"), "{request}");
    assert!(request.contains("\r\nx-scope-orgid: team-a\r\n"), "{request}");
}

#[tokio::test]
async fn a_client_needs_certificates_and_headers_that_work() {
    let folder = TempDir::new().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    let mut settings = config::Prometheus::at("https://localhost");
    settings.http_config.tls_config.ca_file = Some(ca_file.clone());
    let fail = |settings: &config::Prometheus| match Client::new(settings) {
        Ok(_) => panic!("a client was made of {settings:?}"),
        Err(error) => error.to_string(),
    };
    let key = format!("prometheus.http_config.tls_config.ca_file: {}: ", ca_file.display());
    assert!(fail(&settings).starts_with(&format!("{key}No such file")), "{}", fail(&settings));
    std::fs::write(&ca_file, "no PEM").expect("written");
    assert_eq!(fail(&settings), format!("{key}expected PEM certificates, found none"));
    settings.http_config = HttpConfig {
        http_headers: [("a b".to_owned(), "c".to_owned())].into(),
        ..HttpConfig::default()
    };
    assert!(fail(&settings).contains("expected the name of an HTTP header"));
}
