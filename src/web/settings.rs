//! A web configuration file, read with all the files it names, and judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::{passwords, tls};
use crate::config::{ConfigError, Places, Problem, RateLimit, WebFile};

/// Larger files are refused.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The headers that may be set, as the exporters have them, and their values where only some count.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// What a server does for everyone before it answers.
#[derive(Default)]
pub(super) struct Settings {
    pub tls: Option<Tls>,
    pub headers: HeaderMap,
    /// User → bcrypt hash. Empty: nobody is asked for a password.
    pub users: BTreeMap<String, String>,
    pub rate_limit: RateLimit,
}

/// How TLS is spoken.
pub(super) struct Tls {
    pub config: Arc<rustls::ServerConfig>,
    /// Whether nobody gets in without a certificate of an authority that is trusted.
    pub verifies_clients: bool,
}

/// What came of reading.
pub(super) struct Reading {
    /// The settings, and what may be meant otherwise.
    pub result: Result<(Settings, Vec<Problem>), ConfigError>,
    /// All files that were read, for [`Files::unchanged`].
    pub files: Files,
}

impl Settings {
    /// Reads the file at `path` and all that it names.
    pub fn read(path: &Path) -> Reading {
        let mut files = Files::default();
        let result = Self::judge(path, &mut files);
        Reading { result, files }
    }

    fn judge(path: &Path, files: &mut Files) -> Result<(Self, Vec<Problem>), ConfigError> {
        let name = path.display().to_string();
        let bytes =
            files.read(path).map_err(|e| ConfigError::whole(&name, format!("cannot read: {e}")))?;
        let (file, places) = WebFile::parse(bytes, path)?;
        let mut judge = Judge { places, files, problems: Vec::new(), warnings: Vec::new() };
        let tls = tls::judge(&file, &mut judge);
        let headers = headers(&file.http_server_config.headers, &mut judge);
        passwords::judge(&file.basic_auth_users, &mut judge);
        if !file.rate_limit.interval.is_zero() && file.rate_limit.burst == 0 {
            judge.warn("rate_limit.burst", "with a burst of 0 every request is answered with 429");
        }
        let Judge { mut problems, warnings, .. } = judge;
        problems.sort();
        match problems.is_empty() {
            true => {
                let users = file.basic_auth_users;
                Ok((Self { tls, headers, users, rate_limit: file.rate_limit }, warnings))
            }
            false => Err(ConfigError { file: name, problems }),
        }
    }

    /// What of the protection that `self` gives is missing from `new`.
    pub fn protection_lost(&self, new: &Self) -> Option<&'static str> {
        let verifies = |tls: &Option<Tls>| tls.as_ref().is_some_and(|tls| tls.verifies_clients);
        if self.tls.is_some() && new.tls.is_none() {
            return Some("tls_server_config");
        }
        if verifies(&self.tls) && !verifies(&new.tls) {
            return Some("client_auth_type: RequireAndVerifyClientCert");
        }
        (!self.users.is_empty() && new.users.is_empty()).then_some("basic_auth_users")
    }
}

fn headers(wanted: &BTreeMap<String, String>, judge: &mut Judge) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let key = format!("http_server_config.headers.{name}");
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| known == name) else {
            let known = HEADERS.map(|(known, _)| known).join(", ");
            judge.refuse(&key, format!("this header cannot be set: expected one of {known}"));
            continue;
        };
        if !values.is_empty() && !values.contains(&value.as_str()) {
            judge.refuse(&key, format!("expected {}, found {value:?}", values.join(" or ")));
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        {
            if !value.is_empty() {
                headers.insert(name, value);
            }
        } else {
            judge.refuse(&key, "expected text that can stand in a header");
        }
    }
    headers
}

/// Collects what is to be said of a file.
pub(super) struct Judge<'a> {
    places: Places,
    files: &'a mut Files,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Judge<'_> {
    /// The file cannot be used.
    pub fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(self.places.problem(key, message));
    }

    /// Whether it is known by now that the file cannot be used.
    pub fn has_refused(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The file can be used, but this may not be meant.
    pub fn warn(&mut self, key: &str, message: impl Into<String>) {
        self.warnings.push(self.places.problem(key, message));
    }

    /// The contents of the file at `path`, which `key` names.
    pub fn read(&mut self, key: &str, path: &Path) -> Option<Vec<u8>> {
        match self.files.read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.refuse(key, format!("cannot read {}: {error}", path.display()));
                None
            }
        }
    }
}

/// Files as they were when they were read.
///
/// They are compared by contents: times of change can be too coarse to tell two writes apart, and reading
/// a few small files costs less than one TLS handshake.
#[derive(Default)]
pub(super) struct Files(Vec<(PathBuf, Contents)>);

/// A digest, so that no key is kept in memory twice.
type Contents = Result<[u8; 32], String>;

impl Files {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let result = read_regular(path);
        self.0.push((path.to_owned(), digest(&result)));
        result
    }

    /// Whether reading all again would give the same.
    pub fn unchanged(&self) -> bool {
        self.0.iter().all(|(path, contents)| digest(&read_regular(path)) == *contents)
    }
}

fn digest(result: &Result<Vec<u8>, String>) -> Contents {
    result.as_ref().map(|bytes| Sha256::digest(bytes).into()).map_err(String::clone)
}

/// A pipe or device would give its contents once and nothing the next time, and nothing is a valid file.
fn read_regular(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("expected a regular file, which can be read again".to_owned());
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(format!("expected at most {MAX_FILE_BYTES} bytes, found {}", metadata.len()));
    }
    fs::read(path).map_err(|e| e.to_string())
}
