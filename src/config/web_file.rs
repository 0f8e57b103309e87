//! The web configuration file that all Prometheus exporters share: its shape, and where in it things
//! stand. What the values mean to a server, `web` judges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::load::{Problem, utf8};
use super::node::Node;
use super::{ConfigError, de, yaml};
use crate::units::duration;

/// The file as it is written. Not `Debug`: it holds keys and password hashes.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebFile {
    /// TLS; without any key of it, plain HTTP.
    pub tls_server_config: TlsServerConfig,
    /// What concerns HTTP itself.
    pub http_server_config: HttpServerConfig,
    /// User → bcrypt hash of the password. Empty: nobody is asked for one.
    pub basic_auth_users: BTreeMap<String, String>,
    /// How many requests are answered.
    pub rate_limit: RateLimit,
}

/// `tls_server_config`. Text that is empty counts as left out, as the exporters have it.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsServerConfig {
    /// The server's certificate, and those that lead to its authority, as PEM.
    pub cert: Option<String>,
    /// The same in a file.
    pub cert_file: Option<PathBuf>,
    /// The certificate's private key as PEM.
    pub key: Option<String>,
    /// The same in a file.
    pub key_file: Option<PathBuf>,
    /// What is asked of clients, in Go's words.
    pub client_auth_type: Option<String>,
    /// Whose certificates are trusted in clients, as PEM.
    pub client_ca: Option<String>,
    /// The same in a file.
    pub client_ca_file: Option<PathBuf>,
    /// Of which names a client's certificate must have one.
    pub client_allowed_sans: Option<Vec<String>>,
    /// The oldest version of TLS.
    pub min_version: String,
    /// The newest version of TLS.
    pub max_version: String,
    /// Cipher suites of TLS 1.2, in Go's names.
    pub cipher_suites: Vec<String>,
    /// Curves for the exchange of keys, in Go's names, the preferred first.
    pub curve_preferences: Vec<String>,
    /// Whether the order of `cipher_suites` counts, or the client's.
    pub prefer_server_cipher_suites: bool,
}

impl Default for TlsServerConfig {
    fn default() -> Self {
        Self {
            cert: None,
            cert_file: None,
            key: None,
            key_file: None,
            client_auth_type: None,
            client_ca: None,
            client_ca_file: None,
            client_allowed_sans: None,
            min_version: "TLS12".to_owned(),
            max_version: "TLS13".to_owned(),
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            prefer_server_cipher_suites: true,
        }
    }
}

/// `http_server_config`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpServerConfig {
    /// Whether HTTP/2 is offered to clients that speak TLS.
    pub http2: bool,
    /// Headers of every response.
    pub headers: BTreeMap<String, String>,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

/// `rate_limit`: one token bucket for all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    /// How long it takes until one more request may be made; zero is no limit.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How many requests may be made at once.
    pub burst: u32,
}

/// Where the keys of a [`WebFile`] stand.
pub struct Places(Node);

impl Places {
    /// `message` about the value at `key` (`tls_server_config.key_file`), with its place.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem { at: self.0.position(key), key: key.to_owned(), message: message.into() }
    }
}

impl WebFile {
    /// Reads `bytes`, the contents of the file at `path`. Relative paths in it start from its folder.
    ///
    /// # Errors
    /// Bytes that are no YAML or do not fit.
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<(Self, Places), ConfigError> {
        let name = path.display().to_string();
        let refused = |problem| ConfigError { file: name.clone(), problems: vec![problem] };
        let root = yaml::parse(&utf8(bytes, &name)?)
            .map_err(|(at, message)| refused(Problem { at, key: String::new(), message }))?;
        let mut file: Self = de::from_node(&root).map_err(refused)?;
        let tls = &mut file.tls_server_config;
        tls.forget_empty();
        let folder = path.parent().unwrap_or(Path::new(""));
        for inner in [&mut tls.cert_file, &mut tls.key_file, &mut tls.client_ca_file] {
            // Joining an absolute path gives that path.
            *inner = inner.take().map(|inner| folder.join(inner));
        }
        Ok((file, Places(root)))
    }
}

impl TlsServerConfig {
    fn forget_empty(&mut self) {
        for text in [&mut self.cert, &mut self.key, &mut self.client_ca, &mut self.client_auth_type]
        {
            text.take_if(|text| text.is_empty());
        }
        for path in [&mut self.cert_file, &mut self.key_file, &mut self.client_ca_file] {
            path.take_if(|path| path.as_os_str().is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<(WebFile, Places), ConfigError> {
        WebFile::parse(text.as_bytes().to_vec(), Path::new("etc/web.yml"))
    }

    fn error(text: &str) -> String {
        match parse(text) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{text:?} was accepted"),
        }
    }

    #[test]
    fn an_empty_file_is_every_default() {
        for text in ["", "# nothing\n", "{}", "---\n", "tls_server_config:\nbasic_auth_users:\n"] {
            let (file, _) = parse(text).unwrap_or_else(|e| panic!("{e}"));
            assert!(file == WebFile::default(), "{text:?}");
        }
        let (file, _) = parse("{tls_server_config: {cert: '', key_file: ''}}")
            .unwrap_or_else(|e| panic!("{e}"));
        assert!(file == WebFile::default());
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        for (text, expected) in [
            ("hello\n", "etc/web.yml:1:1: expected a mapping of keys to values, found \"hello\""),
            (
                "tls_config: {}\n",
                "etc/web.yml:1:1: tls_config: unknown key: did you mean tls_server_config?",
            ),
            (
                "tls_server_config:\n  cert_filse: x\n",
                "etc/web.yml:2:3: tls_server_config.cert_filse: unknown key: did you mean cert_file?",
            ),
            (
                "rate_limit: {burst: -1}\n",
                "etc/web.yml:1:21: rate_limit.burst: expected a whole number that is not negative, found -1",
            ),
            (
                "rate_limit: {interval: soon}\n",
                "etc/web.yml:1:24: rate_limit.interval: expected a duration such as 30s, 5m or 1h30m, found \"soon\"",
            ),
            (
                "http_server_config: {http2: yes}\n",
                "etc/web.yml:1:29: http_server_config.http2: expected true or false, found \"yes\"",
            ),
        ] {
            assert_eq!(error(text), expected);
        }
    }

    #[test]
    fn relative_paths_start_from_the_files_folder() {
        let text = "tls_server_config: {cert_file: a.crt, key_file: /b.key}\n";
        let (file, _) = parse(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(file.tls_server_config.cert_file, Some("etc/a.crt".into()));
        assert_eq!(file.tls_server_config.key_file, Some("/b.key".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_an_error(
            text in r#"(tls_server_config|http_server_config|basic_auth_users|rate_limit|[a-z_]{0,9}|: |:\n  |\n|- |"|[0-9]{1,3}|\{|\}|\[){0,20}"#
        ) {
            if let Err(error) = parse(&text) {
                prop_assert!(!error.problems.is_empty());
            }
        }
    }
}
