//! Which web configuration files are valid, and what is said of the others.
//!
//! The cases are those that exporter-toolkit's own tests hold valid or invalid, and further ones.

use std::fs;
use std::path::Path;

use loadline::web::check_web_file;
use tempfile::TempDir;

use super::authority::Authority;
use crate::support::loadline;

/// A folder with a pair, another key, an authority, a file without PEM, and a cut certificate.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let authority = Authority::new("authority");
    let server = authority.server();
    server.write(folder.path(), "server");
    authority.server().write(folder.path(), "other");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    write("ca.crt", &authority.pem);
    write("no.pem", "no certificate\n");
    write("cut.crt", &server.cert[..server.cert.len() / 2]);
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write("garbage.crt", garbage);
    folder
}

/// The line a command would print, without the folder's name.
fn verdict(folder: &Path, text: &str) -> Result<String, String> {
    let file = folder.join("web.yml");
    fs::write(&file, text).expect("written");
    let place = format!("{}/", folder.display());
    match check_web_file(&file) {
        Ok(warnings) => {
            let lines = warnings.iter().map(|w| format!("{}: {}: {}", w.place(), w.key, w.message));
            Ok(lines.collect::<Vec<_>>().join("\n").replace(&place, ""))
        }
        Err(error) => Err(error.to_string().replace(&place, "")),
    }
}

const PAIR: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuuNl2QEopRq5FqYYSSD5jYPHz2f3SH6cW";

fn pair(rest: &str) -> String {
    format!("{PAIR}{rest}")
}

#[test]
fn valid_files() {
    let folder = folder();
    let all_ciphers = "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
         TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, \
         TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, \
         TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, \
         TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256]";
    for (what, text) in [
        ("empty", String::new()),
        ("only a comment", "# nothing yet\n".to_owned()),
        ("empty sections", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n".to_owned()),
        ("a pair", pair("")),
        ("absolute paths", PAIR.replace("server.", &format!("{}/server.", folder.path().display()))),
        ("asked for a certificate", pair("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n")),
        ("names", pair("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [a]\n")),
        ("no names at all", pair("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans:\n")),
        ("no client certificates, in words", pair("  client_auth_type: NoClientCert\n")),
        ("all cipher suites", pair(&format!("  cipher_suites: {all_ciphers}\n"))),
        ("one cipher suite, no HTTP/2", pair("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\nhttp_server_config: {http2: false}\n")),
        ("only TLS 1.3", pair("  min_version: TLS13\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n")),
        ("curves", pair("  curve_preferences: [X25519, CurveP256, CurveP384]\n")),
        ("the client's order", pair("  prefer_server_cipher_suites: false\n")),
        ("headers", "http_server_config:\n  headers:\n    Content-Security-Policy: default-src 'none'\n    Strict-Transport-Security: max-age=1\n    X-Content-Type-Options: nosniff\n    X-Frame-Options: sameorigin\n    X-XSS-Protection: ''\n".to_owned()),
        ("users", format!("basic_auth_users: {{ann: {HASH}, bob: {}}}\n", HASH.replace("2y", "2a"))),
        ("a rate", "rate_limit: {interval: 1s, burst: 20}\n".to_owned()),
        ("no rate", "rate_limit: {interval: 0, burst: 0}\n".to_owned()),
    ] {
        assert_eq!(verdict(folder.path(), &text), Ok(String::new()), "{what}:\n{text}");
    }
}

#[test]
fn valid_files_that_may_not_be_meant() {
    let folder = folder();
    let mut seen = String::new();
    for (what, text) in [
        ("no authority", pair("  client_auth_type: VerifyClientCertIfGiven\n")),
        ("everyone is trusted", pair("  client_auth_type: RequireAnyClientCert\n")),
        (
            "weak cipher suites",
            pair(
                "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA]\n",
            ),
        ),
        ("an unknown curve of Go's", pair("  curve_preferences: [CurveP521, X25519]\n")),
        (
            "a slow password",
            format!("basic_auth_users: {{ann: {}}}\n", HASH.replace("$04$", "$18$")),
        ),
        ("a colon", format!("basic_auth_users: {{'a:b': {HASH}}}\n")),
        ("no burst", "rate_limit: {interval: 1s}\n".to_owned()),
    ] {
        match verdict(folder.path(), &text) {
            Ok(warnings) if !warnings.is_empty() => {
                seen.push_str(&format!("# {what}\n{warnings}\n\n"))
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn invalid_files_are_named_with_each_problem() {
    let folder = folder();
    let verify = "  client_auth_type: RequireAndVerifyClientCert\n";
    let mut seen = String::new();
    for (what, text) in [
        ("no mapping", "hello\n".to_owned()),
        ("an unknown section", "tls_config:\n  cert_file: server.crt\n".to_owned()),
        ("an unknown key", pair("  cert_filse: x\n")),
        ("a key twice", pair("  key_file: other.key\n")),
        ("an empty certificate's path", "tls_server_config:\n  cert_file: ''\n  key_file: server.key\n".to_owned()),
        ("an empty certificate", "tls_server_config:\n  cert: ''\n  key_file: server.key\n".to_owned()),
        ("an empty key's path", "tls_server_config:\n  cert_file: server.crt\n  key_file: ''\n".to_owned()),
        ("an empty key", "tls_server_config:\n  cert_file: server.crt\n  key: ''\n".to_owned()),
        ("neither, but a policy", "tls_server_config:\n  cert_file: ''\n  key_file: ''\n  client_auth_type: x\n".to_owned()),
        ("neither, but a version", "tls_server_config:\n  min_version: TLS13\n".to_owned()),
        ("no such files", "tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n".to_owned()),
        ("a folder for a file", "tls_server_config:\n  cert_file: .\n  key_file: server.key\n".to_owned()),
        ("certificate and file", pair("  cert: x\n")),
        ("no PEM", "tls_server_config:\n  cert_file: no.pem\n  key_file: no.pem\n".to_owned()),
        ("a cut certificate", PAIR.replace("server.crt", "cut.crt")),
        ("PEM of garbage", PAIR.replace("server.crt", "garbage.crt")),
        ("another's key", PAIR.replace("server.key", "other.key")),
        ("certificate and key swapped", "tls_server_config:\n  cert_file: server.key\n  key_file: server.crt\n".to_owned()),
        ("an unknown policy", pair("  client_auth_type: Sometimes\n")),
        ("an authority without a policy", pair("  client_ca_file: ca.crt\n")),
        ("names without a policy", pair("  client_allowed_sans: [a]\n")),
        ("names, but none is needed", pair("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n  client_allowed_sans: [a]\n")),
        ("a policy without an authority", pair(verify)),
        ("no such authority", pair(&format!("{verify}  client_ca_file: none.crt\n"))),
        ("an authority without certificates", pair(&format!("{verify}  client_ca_file: no.pem\n"))),
        ("an authority of garbage", pair(&format!("{verify}  client_ca_file: garbage.crt\n"))),
        ("an invented version", pair("  min_version: TLS111\n")),
        ("broken versions", pair("  min_version: TLS10\n  max_version: TLS11\n")),
        ("versions the wrong way round", pair("  min_version: TLS13\n  max_version: TLS12\n")),
        ("invented cipher suites", pair("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_2048]\n")),
        ("no cipher suite of HTTP/2's", pair("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n")),
        ("no cipher suite that is known", pair("  max_version: TLS12\n  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\nhttp_server_config: {http2: false}\n")),
        ("invented curves", pair("  curve_preferences: [CurveP1024]\n")),
        ("no curve that is known", pair("  min_version: TLS13\n  curve_preferences: [CurveP521]\n")),
        ("another header", "http_server_config:\n  headers:\n    X-Powered-By: me\n".to_owned()),
        ("values of headers", "http_server_config:\n  headers:\n    X-Frame-Options: Deny\n    X-Content-Type-Options: ''\n    X-XSS-Protection: \"a\\nb\"\n".to_owned()),
        ("a password for its hash", "basic_auth_users:\n  john: doe\n".to_owned()),
        ("hashes that are none", format!("basic_auth_users:\n  a: {}\n  b: {}\n  c: ''\n", &HASH[..59], HASH.replace("$04$", "$32$"))),
        ("a rate that is none", "rate_limit:\n  interval: soon\n  burst: 1\n".to_owned()),
        ("several at once", "tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n  min_version: SSL3\nbasic_auth_users:\n  john: doe\n".to_owned()),
    ] {
        let error = verdict(folder.path(), &text).expect_err(what);
        assert!(!error.contains("doe"), "a password may stand there: {error}");
        seen.push_str(&format!("# {what}\n{error}\n\n"));
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn a_pipe_is_refused_as_it_can_be_read_only_once() {
    let error = check_web_file(Path::new("/dev/null")).expect_err("no file").to_string();
    assert_eq!(error, "/dev/null: cannot read: expected a regular file, which can be read again");
    let error = check_web_file(Path::new("/nonexistent/web.yml")).expect_err("no file").to_string();
    assert_eq!(error, "/nonexistent/web.yml: cannot read: No such file or directory (os error 2)");
}

#[test]
fn the_command_checks_files() {
    let folder = folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let good = write("good.yml", &pair("  curve_preferences: [X25519, CurveP521]\n"));
    let bad = write("bad.yml", "basic_auth_users:\n  john: doe\n");
    let check = |files: &[&str]| {
        let output = loadline().args(["check", "web-config"]).args(files).output().expect("ran");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = check(&[&good]);
    let warning =
        "tls_server_config.curve_preferences[1]: CurveP521 is not supported: it is left out";
    assert_eq!(stdout, format!("{good}:4:31: warning: {warning}\n{good}: ok\n"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (code, stdout, stderr) = check(&[&good, &bad]);
    let wrong = format!(
        "{bad}:2:9: basic_auth_users.john: expected a bcrypt hash such as `htpasswd -nBC 10 USER` gives\n"
    );
    assert!(stdout.ends_with(&wrong), "{stdout}");
    assert_eq!(code, Some(1));
    assert_eq!(stderr, "loadline: error: 1 of 2 files cannot be used\n");
    // The servers say the same, and do not start.
    for command in ["exporter", "up"] {
        let mut server = loadline();
        server.args([command, "--web.listen-address=127.0.0.1:0", "--web.config.file", &bad]);
        let output = server.output().expect("ran");
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(stderr.ends_with(&format!("loadline: error: {wrong}")), "{stderr}");
    }
}
