//! `tls_server_config` → what rustls does.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CipherSuite, RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    version,
};

use super::client_cert::{ClientPolicy, Trust};
use super::settings::{Judge, Tls};
use crate::config::{TlsServerConfig, WebFile};

/// Cipher suites that Go has and that are not here: without forward secrecy, or in CBC mode.
const CIPHERS_OF_GO: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

/// What HTTP/2 requires a server to have in TLS 1.2 (RFC 9113, section 9.2.2).
const CIPHERS_OF_HTTP2: [&str; 2] =
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

const VERSIONS: [(&str, &SupportedProtocolVersion); 2] =
    [("TLS12", &version::TLS12), ("TLS13", &version::TLS13)];

/// What `file` says of TLS; `None` where it says nothing, or something is wrong.
pub(super) fn judge(file: &WebFile, judge: &mut Judge) -> Option<Tls> {
    let tls = &file.tls_server_config;
    // A file that speaks of TLS means TLS: without a certificate it is wrong, never plain HTTP.
    if *tls == TlsServerConfig::default() {
        return None;
    }
    let http2 = file.http_server_config.http2;
    let certificate = source(&tls.cert, &tls.cert_file, "cert", judge)
        .and_then(|(key, pem)| certificates(&key, &pem, judge));
    let private_key = source(&tls.key, &tls.key_file, "key", judge)
        .and_then(|(key, pem)| private_key(&key, &pem, judge));
    let versions = versions(tls, judge);
    let provider = Arc::new(CryptoProvider {
        cipher_suites: cipher_suites(tls, http2, versions.as_deref(), judge),
        kx_groups: curves(&tls.curve_preferences, judge),
        ..ring::default_provider()
    });
    let policy = client_policy(tls, &provider, judge)?;
    let verifies_clients = policy
        .as_ref()
        .is_some_and(|policy| policy.mandatory && !matches!(policy.trust, Trust::Anyone));
    let (certificate, private_key, versions) = (certificate?, private_key?, versions?);
    if judge.has_refused() {
        return None;
    }
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| judge.refuse("tls_server_config", error.to_string()))
        .ok()?;
    let builder = match policy {
        Some(policy) => builder.with_client_cert_verifier(Arc::new(policy)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(certificate, private_key)
        .map_err(|error| judge.refuse("tls_server_config", pair_problem(&error)))
        .ok()?;
    config.ignore_client_order = tls.prefer_server_cipher_suites && !tls.cipher_suites.is_empty();
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Some(Tls { config: Arc::new(config), verifies_clients })
}

fn pair_problem(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "the private key is not that of the certificate".to_owned()
        }
        rustls::Error::InvalidCertificate(_) => format!("the certificate cannot be used: {error}"),
        _ => format!("the private key cannot be used: {error}"),
    }
}

/// The PEM text that a key or its twin with `_file` gives, and the key's full name.
fn source(
    inline: &Option<String>,
    file: &Option<PathBuf>,
    name: &str,
    judge: &mut Judge,
) -> Option<(String, Vec<u8>)> {
    let key = format!("tls_server_config.{name}");
    let file_key = format!("{key}_file");
    match (inline, file) {
        (Some(text), None) => Some((key, text.as_bytes().to_vec())),
        (None, Some(path)) => judge.read(&file_key, path).map(|pem| (file_key, pem)),
        (None, None) => {
            let message = format!("TLS needs one of {name} and {name}_file, found neither");
            judge.refuse("tls_server_config", message);
            None
        }
        (Some(_), Some(_)) => {
            judge.refuse(&key, format!("expected one of {name} and {name}_file, found both"));
            None
        }
    }
}

/// At least one certificate.
fn certificates(key: &str, pem: &[u8], judge: &mut Judge) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found =
        all.and_then(|all| if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) });
    found.map_err(|error| judge.refuse(key, not_pem("certificates", &error))).ok()
}

fn private_key(key: &str, pem: &[u8], judge: &mut Judge) -> Option<PrivateKeyDer<'static>> {
    let found = PrivateKeyDer::from_pem_slice(pem);
    found.map_err(|error| judge.refuse(key, not_pem("a private key, not encrypted,", &error))).ok()
}

fn not_pem(wanted: &str, error: &pem::Error) -> String {
    let found = match error {
        pem::Error::NoItemsFound => "none".to_owned(),
        pem::Error::MissingSectionEnd { .. } => "a section without an end".to_owned(),
        other => other.to_string(),
    };
    format!("expected {wanted} as PEM, found {found}")
}

fn versions(
    tls: &TlsServerConfig,
    judge: &mut Judge,
) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let mut index = |name: &str, key: &str| {
        let found = VERSIONS.iter().position(|(known, _)| *known == name);
        if found.is_none() {
            let message = match name {
                "TLS10" | "TLS11" => {
                    format!("{name} is not supported, as it is broken: expected TLS12 or TLS13")
                }
                _ => format!("expected TLS12 or TLS13, found {name:?}"),
            };
            judge.refuse(&format!("tls_server_config.{key}"), message);
        }
        found
    };
    let (min, max) =
        (index(&tls.min_version, "min_version"), index(&tls.max_version, "max_version"));
    let range = min?..=max?;
    if range.is_empty() {
        let message = format!("expected at least min_version, found {}", tls.max_version);
        judge.refuse("tls_server_config.max_version", message);
        return None;
    }
    Some(VERSIONS[range].iter().map(|(_, version)| *version).collect())
}

/// The suites to offer. The list of the file concerns TLS 1.2: those of TLS 1.3 are always there.
fn cipher_suites(
    tls: &TlsServerConfig,
    http2: bool,
    versions: Option<&[&SupportedProtocolVersion]>,
    judge: &mut Judge,
) -> Vec<SupportedCipherSuite> {
    let key = "tls_server_config.cipher_suites";
    let all = ring::ALL_CIPHER_SUITES;
    let has = |version: &SupportedProtocolVersion| {
        versions.is_none_or(|versions| versions.contains(&version))
    };
    if tls.cipher_suites.is_empty() {
        return all.to_vec();
    }
    let mut suites: Vec<_> =
        all.iter().copied().filter(|suite| suite.version() == &version::TLS13).collect();
    let (mut problem, mut seen) = (false, BTreeSet::new());
    for (index, name) in tls.cipher_suites.iter().enumerate() {
        let key = format!("{key}[{index}]");
        let suite = all.iter().find(|suite| go_name(suite.suite()) == *name);
        match suite {
            Some(suite) if suite.version() == &version::TLS12 && seen.insert(name) => {
                suites.push(*suite);
            }
            Some(_) => {}
            None if CIPHERS_OF_GO.contains(&name.as_str()) => {
                judge.warn(&key, format!("{name} is weak and not supported: it is left out"));
            }
            None => {
                judge.refuse(&key, format!("unknown cipher suite {name:?}"));
                problem = true;
            }
        }
    }
    if problem {
        return suites;
    }
    let named = |wanted: &&str| tls.cipher_suites.iter().any(|name| name == *wanted);
    if http2 && has(&version::TLS12) && !CIPHERS_OF_HTTP2.iter().any(named) {
        let message = format!(
            "HTTP/2 needs one of {}: add it, or set http_server_config.http2: false",
            CIPHERS_OF_HTTP2.join(" and ")
        );
        judge.refuse(key, message);
    } else if seen.is_empty() && !has(&version::TLS13) {
        judge.refuse(key, "none of these is supported: nobody could connect");
    }
    suites
}

/// Go names the suites of TLS 1.3 as their registry does.
fn go_name(suite: CipherSuite) -> String {
    suite.as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

fn curves(names: &[String], judge: &mut Judge) -> Vec<&'static dyn SupportedKxGroup> {
    let key = "tls_server_config.curve_preferences";
    if names.is_empty() {
        return ring::ALL_KX_GROUPS.to_vec();
    }
    let (mut groups, mut problem) = (Vec::new(), false);
    for (index, name) in names.iter().enumerate() {
        let key = format!("{key}[{index}]");
        match name.as_str() {
            "X25519" => groups.push(ring::kx_group::X25519),
            "CurveP256" => groups.push(ring::kx_group::SECP256R1),
            "CurveP384" => groups.push(ring::kx_group::SECP384R1),
            "CurveP521" => judge.warn(&key, "CurveP521 is not supported: it is left out"),
            _ => {
                let known = "X25519, CurveP256, CurveP384";
                judge.refuse(&key, format!("expected one of {known}, found {name:?}"));
                problem = true;
            }
        }
    }
    if groups.is_empty() && !problem {
        judge.refuse(key, "none of these is supported: nobody could connect");
    }
    groups
}

/// The outer `None`: something is wrong. The inner: clients are not asked.
fn client_policy(
    tls: &TlsServerConfig,
    provider: &Arc<CryptoProvider>,
    judge: &mut Judge,
) -> Option<Option<ClientPolicy>> {
    let key = "tls_server_config.client_auth_type";
    let kind = tls.client_auth_type.as_deref().unwrap_or("NoClientCert");
    let (mandatory, verified) = match kind {
        "NoClientCert" => {
            for (set, name) in [
                (tls.client_ca.is_some(), "client_ca"),
                (tls.client_ca_file.is_some(), "client_ca_file"),
                (tls.client_allowed_sans.is_some(), "client_allowed_sans"),
            ] {
                if set {
                    let message = "has no effect without client_auth_type: \
                                   expected RequireAndVerifyClientCert there";
                    judge.refuse(&format!("tls_server_config.{name}"), message);
                }
            }
            return Some(None);
        }
        "RequestClientCert" => (false, false),
        // The second was the first one's name once.
        "RequireAnyClientCert" | "RequireClientCert" => (true, false),
        "VerifyClientCertIfGiven" => (false, true),
        "RequireAndVerifyClientCert" => (true, true),
        _ => {
            let known = "NoClientCert, RequestClientCert, RequireAnyClientCert, \
                         VerifyClientCertIfGiven, RequireAndVerifyClientCert";
            judge.refuse(key, format!("expected one of {known}, found {kind:?}"));
            return None;
        }
    };
    if tls.client_allowed_sans.is_some() && !mandatory {
        let message = format!(
            "a client without a certificate has no name, and {kind} lets it in: \
             expected RequireAndVerifyClientCert"
        );
        judge.refuse("tls_server_config.client_allowed_sans", message);
        return None;
    }
    if !verified {
        judge.warn(key, format!("{kind} trusts every certificate: it keeps nobody out"));
    }
    let trust = trust(tls, kind, verified, provider, judge)?;
    Some(Some(ClientPolicy {
        mandatory,
        trust,
        allowed_names: tls.client_allowed_sans.clone(),
        algorithms: provider.signature_verification_algorithms,
    }))
}

/// Whom to believe. Authorities are read even where they are not used, so that a wrong file shows.
fn trust(
    tls: &TlsServerConfig,
    kind: &str,
    verified: bool,
    provider: &Arc<CryptoProvider>,
    judge: &mut Judge,
) -> Option<Trust> {
    if tls.client_ca.is_none() && tls.client_ca_file.is_none() {
        let message = format!("{kind} needs one of client_ca and client_ca_file, found neither");
        match kind {
            "RequireAndVerifyClientCert" => {
                judge.refuse("tls_server_config.client_auth_type", message);
                return None;
            }
            "VerifyClientCertIfGiven" => {
                let message = format!("{message}: every certificate that is given is refused");
                judge.warn("tls_server_config.client_auth_type", message);
                return Some(Trust::Nobody);
            }
            _ => return Some(Trust::Anyone),
        }
    }
    let (key, pem) = source(&tls.client_ca, &tls.client_ca_file, "client_ca", judge)?;
    let own = certificates(&key, &pem, judge)?;
    let mut roots = RootCertStore::empty();
    for certificate in &own {
        if let Err(error) = roots.add(certificate.clone()) {
            judge.refuse(&key, format!("a certificate cannot be used: {error}"));
            return None;
        }
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
        .build()
        .map_err(|error| judge.refuse(&key, error.to_string()))
        .ok()?;
    Some(if verified { Trust::Authorities { verifier, own } } else { Trust::Anyone })
}
