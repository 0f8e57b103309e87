//! TLS and clients' certificates.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use loadline::web::{Front, Limits};
use rcgen::SanType;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::authority::{Authority, Identity, self_signed_client};
use super::tls_client::{TlsClient, request};
use crate::support::{PATIENCE, Running, http_get, read_all, wait_for};

/// A server with a certificate, and what a test may change of it.
struct Stage {
    authority: Authority,
    folder: TempDir,
    server: Running,
}

impl Stage {
    /// `tls` is what `tls_server_config` has besides certificate and key; `rest` follows it.
    async fn new(tls: &str, rest: &str) -> Self {
        Self::with_limits(tls, rest, Limits::default()).await
    }

    async fn with_limits(tls: &str, rest: &str, limits: Limits) -> Self {
        let authority = Authority::new("authority");
        let folder = TempDir::new().expect("a folder");
        authority.server().write(folder.path(), "server");
        fs::write(folder.path().join("ca.crt"), &authority.pem).expect("written");
        let file = folder.path().join("web.yml");
        fs::write(&file, web(tls, rest)).expect("written");
        let front = Front::load(&file).unwrap_or_else(|e| panic!("{e}"));
        let router = Router::new().route("/", get(async || "hello"));
        let server = Running::behind(Some(front), router, limits).await;
        Self { authority, folder, server }
    }

    fn rewrite(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn client(&self) -> TlsClient {
        TlsClient::new(&self.authority.pem)
    }

    async fn get(&self, client: &TlsClient) -> Result<String, String> {
        client.get(&self.server.address, "/").await
    }
}

fn web(tls: &str, rest: &str) -> String {
    format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{tls}{rest}")
}

const VERIFY: &str = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";

fn is_hello(reply: &Result<String, String>) -> bool {
    reply.as_ref().is_ok_and(|r| r.starts_with("HTTP/1.1 200 ") && r.ends_with("hello"))
}

#[tokio::test]
async fn both_versions_of_tls_and_of_http() {
    let stage = Stage::new("", "").await;
    for version in [&TLS12, &TLS13] {
        let client = TlsClient { versions: vec![version], ..stage.client() };
        let reply = stage.get(&client).await;
        assert!(is_hello(&reply), "{version:?}: {reply:?}");
        let reply = client.get_http2(&stage.server.address).await;
        assert_eq!(reply, Ok("hello".to_owned()), "{version:?}");
    }
    let stranger = TlsClient::new(&Authority::new("another").pem);
    let error = stage.get(&stranger).await.expect_err("the client trusts another");
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn http_2_can_be_switched_off() {
    let stage = Stage::new("", "http_server_config: {http2: false}\n").await;
    let client = TlsClient { alpn: vec!["h2", "http/1.1"], ..stage.client() };
    let reply = stage.get(&client).await;
    assert!(is_hello(&reply), "{reply:?}");
    let only = TlsClient { alpn: vec!["h2"], ..stage.client() };
    let error = only.connect(&stage.server.address).await.expect_err("no common protocol");
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn versions_ciphers_and_curves_are_those_of_the_file() {
    let stage = Stage::new("  min_version: TLS13\n  curve_preferences: [CurveP384]\n", "").await;
    let old = TlsClient { versions: vec![&TLS12], ..stage.client() };
    let error = stage.get(&old).await.expect_err("too old");
    assert!(error.contains("ProtocolVersion"), "{error}");
    let mut other_curve = stage.client();
    other_curve.provider.kx_groups = vec![ring::kx_group::X25519];
    let error = stage.get(&other_curve).await.expect_err("no common curve");
    assert!(error.contains("HandshakeFailure"), "{error}");
    let reply = stage.get(&stage.client()).await;
    assert!(is_hello(&reply), "{reply:?}");

    let wanted = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let tls = format!("  max_version: TLS12\n  cipher_suites: [{wanted}]\n");
    let stage = Stage::new(&tls, "").await;
    let stream = stage.client().connect(&stage.server.address).await.expect("connected");
    let suite = stream.get_ref().1.negotiated_cipher_suite().expect("agreed on").suite();
    assert_eq!(suite.as_str(), Some(wanted));
    let mut other = stage.client();
    other.provider.cipher_suites.retain(|s| s.suite().as_str() != Some(wanted));
    let error = stage.get(&other).await.expect_err("no common cipher suite");
    assert!(error.contains("HandshakeFailure"), "{error}");
}

#[tokio::test]
async fn the_order_of_the_file_counts_unless_it_says_otherwise() {
    let [small, large] =
        ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
    for (prefer, expected) in [("true", small), ("false", large)] {
        let stage = Stage::new(
            &format!(
                "  max_version: TLS12\n  cipher_suites: [{small}, {large}]\n  \
                 prefer_server_cipher_suites: {prefer}\n"
            ),
            "",
        )
        .await;
        // Its own order begins with the larger.
        let stream = stage.client().connect(&stage.server.address).await.expect("connected");
        let suite = stream.get_ref().1.negotiated_cipher_suite().expect("agreed on").suite();
        assert_eq!(suite.as_str(), Some(expected), "prefer: {prefer}");
    }
}

#[tokio::test]
async fn only_certificates_of_the_authority_get_in() {
    let stage = Stage::new(VERIFY, "").await;
    let stranger = Authority::new("another").client(&[]);
    let table: [(&str, Option<Identity>, Result<(), &str>); 5] = [
        ("its own", Some(stage.authority.client(&[])), Ok(())),
        ("none", None, Err("CertificateRequired")),
        ("another's", Some(stranger), Err("UnknownCA")),
        ("expired", Some(stage.authority.expired_client()), Err("CertificateExpired")),
        ("a server's", Some(stage.authority.server()), Err("")),
    ];
    for (what, identity, expected) in table {
        let client = TlsClient { identity, ..stage.client() };
        for version in [&TLS12, &TLS13] {
            let reply = stage.get(&TlsClient { versions: vec![version], ..client.clone() }).await;
            match &expected {
                Ok(()) => assert!(is_hello(&reply), "{what} {version:?}: {reply:?}"),
                Err(alert) => {
                    let error = reply.expect_err(what);
                    // TLS 1.2 has no word for a missing certificate.
                    let said = error.contains(alert) || error.contains("HandshakeFailure");
                    assert!(said, "{what} {version:?}: {error}");
                }
            }
        }
    }
    let reply = stage.client().get_http2(&stage.server.address).await;
    reply.expect_err("HTTP/2 needs a certificate too");
}

#[tokio::test]
async fn what_is_asked_of_clients() {
    let known = Authority::new("clients");
    let (own, stranger) = (known.client(&[]), Authority::new("another").client(&[]));
    // Whether a client gets in with no certificate, with its authority's, with a stranger's.
    for (kind, has_ca, expected) in [
        ("NoClientCert", false, [true, true, true]),
        ("RequestClientCert", false, [true, true, true]),
        ("RequestClientCert", true, [true, true, true]),
        ("RequireAnyClientCert", false, [false, true, true]),
        ("RequireClientCert", true, [false, true, true]),
        ("VerifyClientCertIfGiven", true, [true, true, false]),
        ("VerifyClientCertIfGiven", false, [true, false, false]),
        ("RequireAndVerifyClientCert", true, [false, true, false]),
    ] {
        let inline = known.pem.trim_end().replace('\n', "\n    ");
        let ca = if has_ca { format!("  client_ca: |\n    {inline}\n") } else { String::new() };
        let stage = Stage::new(&format!("  client_auth_type: {kind}\n{ca}"), "").await;
        let mut seen = Vec::new();
        for identity in [None, Some(&own), Some(&stranger)] {
            let client = TlsClient { identity: identity.cloned(), ..stage.client() };
            seen.push(is_hello(&stage.get(&client).await));
        }
        assert_eq!(seen, expected, "{kind}, with an authority: {has_ca}");
    }
}

#[tokio::test]
async fn a_client_must_have_one_of_the_allowed_names() {
    let names =
        "prometheus.example, 10.1.2.3, '2001:db8::1', ops@example.com, 'spiffe://example/p'";
    let tls = format!("{VERIFY}  client_allowed_sans: [{names}]\n");
    let stage = Stage::new(&tls, "").await;
    let text = |t: &str| t.try_into().expect("ASCII");
    for (name, allowed) in [
        (SanType::DnsName(text("prometheus.example")), true),
        (SanType::IpAddress([10, 1, 2, 3].into()), true),
        (SanType::IpAddress("2001:db8::1".parse().expect("an address")), true),
        (SanType::Rfc822Name(text("ops@example.com")), true),
        (SanType::URI(text("spiffe://example/p")), true),
        (SanType::DnsName(text("other.example")), false),
        (SanType::DnsName(text("prometheus.example.evil")), false),
        (SanType::IpAddress([10, 1, 2, 4].into()), false),
        // The right text in a name of another kind still is that name, as in Go.
        (SanType::DnsName(text("10.1.2.3")), true),
    ] {
        let reply = stage
            .get(&stage.client().with(&stage.authority.client(std::slice::from_ref(&name))))
            .await;
        assert_eq!(is_hello(&reply), allowed, "{name:?}: {reply:?}");
    }
    let nameless = stage.get(&stage.client().with(&stage.authority.client(&[]))).await;
    nameless.expect_err("no name at all");
}

#[tokio::test]
async fn a_certificate_that_is_listed_itself_gets_in_while_it_is_valid() {
    for (year, valid) in [(2999, true), (2002, false)] {
        let stage = Stage::new(VERIFY, "").await;
        let listed = self_signed_client(year);
        stage.rewrite("ca.crt", &listed.cert);
        let reply = stage.get(&stage.client().with(&listed)).await;
        assert_eq!(is_hello(&reply), valid, "{reply:?}");
        // Its name is not enough: another key, the same subject.
        let reply = stage.get(&stage.client().with(&self_signed_client(2999))).await;
        reply.expect_err("another's certificate");
    }
}

#[tokio::test]
async fn a_new_certificate_counts_for_the_next_connection() {
    let stage = Stage::new("", "").await;
    assert!(is_hello(&stage.get(&stage.client()).await));
    let next = Authority::new("next");
    let renewed = next.server();
    // Halfway through the pair does not fit, and the old one stays.
    stage.rewrite("server.crt", &renewed.cert);
    assert!(is_hello(&stage.get(&stage.client()).await));
    stage.rewrite("server.key", &renewed.key);
    stage.get(&stage.client()).await.expect_err("the old authority knows it no more");
    assert!(is_hello(&stage.get(&TlsClient::new(&next.pem)).await));
    fs::remove_file(stage.folder.path().join("server.key")).expect("removed");
    assert!(is_hello(&stage.get(&TlsClient::new(&next.pem)).await));
}

#[tokio::test]
async fn a_connection_that_is_open_ends_when_the_settings_change() {
    let stage = Stage::new(VERIFY, "").await;
    let client = stage.client().with(&stage.authority.client(&[]));
    let mut open = client.connect(&stage.server.address).await.expect("connected");
    let mut ask = async || {
        request(&mut open, "/", "").await?;
        let mut reply = vec![0; 1024];
        let read = open.read(&mut reply).await.map_err(|e| e.to_string())?;
        if read == 0 { Err("closed".to_owned()) } else { Ok(()) }
    };
    ask().await.expect("served");
    // Its authority is trusted no more. Any other connection is when that is seen.
    stage.rewrite("ca.crt", &Authority::new("another").pem);
    stage.get(&client).await.expect_err("trusted no more");
    wait_for("the connection to end", PATIENCE, async || match ask().await {
        Ok(()) => Err("still served".to_owned()),
        Err(_) => Ok(()),
    })
    .await;
}

#[tokio::test]
async fn a_client_that_has_just_come_gets_an_answer_first() {
    let stage = Stage::new("", "").await;
    let mut fresh = stage.client().connect(&stage.server.address).await.expect("connected");
    // The handshake is over for the client a moment before it is for the server.
    assert!(is_hello(&stage.get(&stage.client()).await));
    stage.rewrite("web.yml", &web("", "rate_limit: {interval: 0}\n"));
    assert!(is_hello(&stage.get(&stage.client()).await));
    request(&mut fresh, "/", "").await.expect("sent");
    let mut reply = Vec::new();
    fresh.read_to_end(&mut reply).await.expect("answered, then closed");
    assert!(is_hello(&Ok(String::from_utf8(reply).expect("text"))));
}

#[tokio::test]
async fn tls_is_never_switched_off_while_it_runs() {
    let stage = Stage::new(VERIFY, "").await;
    let known = stage.client().with(&stage.authority.client(&[]));
    for weaker in ["", "rate_limit: {interval: 0}\n", &web("", "")] {
        stage.rewrite("web.yml", weaker);
        assert!(is_hello(&stage.get(&known).await), "{weaker:?}");
        stage.get(&stage.client()).await.expect_err("no certificate");
        let plain = http_get(&stage.server.url("/")).await.expect("an answer");
        assert_eq!(plain.status, 400);
    }
}

#[tokio::test]
async fn plain_http_is_told_to_use_https() {
    let stage = Stage::new("", "").await;
    let reply = http_get(&stage.server.url("/")).await.expect("an answer");
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("use https://"), "{}", reply.text());
    for nonsense in ["\x16\x03\x01garbage", "\x01\x02"] {
        let mut stream = stage.server.connect().await;
        stream.write_all(nonsense.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("closed");
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        assert!(!reply.starts_with(b"HTTP"), "{reply:?}");
    }
    assert!(is_hello(&stage.get(&stage.client()).await));
}

#[tokio::test]
async fn a_client_that_dawdles_over_the_handshake_is_dropped() {
    let limits =
        Limits { connections: 1, header_timeout: Duration::from_millis(100), ..Limits::default() };
    let stage = Stage::with_limits("", "", limits).await;
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut idle = stage.server.connect().await;
        idle.write_all(start).await.expect("sent");
        let closed = tokio::time::timeout(PATIENCE, read_all(&mut idle)).await;
        assert_eq!(closed.expect("the server closes by itself"), "");
        assert!(is_hello(&stage.get(&stage.client()).await), "the place is free again");
    }
}

#[tokio::test]
async fn an_idle_http_2_connection_is_dropped() {
    let moment = Duration::from_millis(100);
    let limits = Limits {
        connections: 1,
        request_timeout: moment,
        send_timeout: moment,
        ..Limits::default()
    };
    let stage = Stage::with_limits("", "", limits).await;
    let client = TlsClient { alpn: vec!["h2"], ..stage.client() };
    let idle = client.connect(&stage.server.address).await.expect("connected");
    let reply = tokio::time::timeout(PATIENCE, stage.get(&stage.client())).await;
    assert!(is_hello(&reply.expect("the place is free again")));
    drop(idle);
}

#[tokio::test]
async fn an_ending_server_does_not_wait_for_handshakes() {
    let stage = Stage::new("", "").await;
    let idle = stage.server.connect().await;
    assert!(is_hello(&stage.get(&stage.client()).await), "the first is accepted by now");
    stage.server.stop.send(()).expect("the server runs");
    let end = tokio::time::timeout(Limits::default().shutdown_timeout / 2, stage.server.ended);
    end.await.expect("ended at once").expect("without a panic");
    drop(idle);
}

#[tokio::test]
async fn many_handshakes_at_once_all_succeed() {
    let stage = Arc::new(Stage::new("", "").await);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let stage = Arc::clone(&stage);
        all.spawn(async move { stage.get(&stage.client()).await });
    }
    while let Some(reply) = all.join_next().await {
        assert!(is_hello(&reply.expect("ran")));
    }
}
