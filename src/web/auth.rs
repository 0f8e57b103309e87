//! Who may write. Reading is open.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Error;
use crate::config;

/// What the settings allow, checked.
#[derive(Debug)]
pub struct WriteGuard {
    bearer: Option<Secret>,
    basic: Option<(String, Secret)>,
    open: bool,
}

/// Settings that cannot be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// A secret is given twice or not at all.
    #[error("{0}")]
    Settings(String),
    /// A file that cannot be used now.
    #[error("{0}")]
    File(String),
}

/// Puts `guard` before every route of `router`.
pub fn protected<S>(router: Router<S>, guard: Arc<WriteGuard>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.route_layer(middleware::from_fn_with_state(guard, check))
}

async fn check(State(guard): State<Arc<WriteGuard>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let shared = Arc::clone(&guard);
    // Secrets may lie on a slow file system.
    let verdict = tokio::task::spawn_blocking(move || shared.check(&headers)).await;
    match verdict {
        Ok(Ok(())) => next.run(request).await,
        Ok(Err(error)) if error.status == StatusCode::UNAUTHORIZED => {
            let mut response = error.into_response();
            for challenge in guard.challenges() {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
            response
        }
        Ok(Err(error)) => error.into_response(),
        Err(_) => Error::internal("the check of the credentials failed").into_response(),
    }
}

impl WriteGuard {
    /// The guard that `settings` describe. Secret files are read once now, so that a wrong path shows
    /// at start, and again at each request, so that a new secret needs no restart.
    ///
    /// # Errors
    /// Contradicting settings, or a secret file that cannot be read.
    pub fn new(settings: &config::Web) -> Result<Self, GuardError> {
        let bearer = match (&settings.bearer_token, &settings.bearer_token_file) {
            (None, None) => None,
            (value, file) => Some(Secret::new(value, file, "web.bearer_token")?),
        };
        let basic = match &settings.basic_auth {
            None => None,
            Some(basic) => {
                let (value, file) = (&basic.password, &basic.password_file);
                let password = Secret::new(value, file, "web.basic_auth.password")?;
                Some((basic.username.clone(), password))
            }
        };
        let open = settings.allow_unauthenticated_writes;
        if open && (bearer.is_some() || basic.is_some()) {
            return Err(GuardError::Settings(
                "web.allow_unauthenticated_writes contradicts the credentials beside it: remove one"
                    .to_owned(),
            ));
        }
        for secret in bearer.iter().chain(basic.iter().map(|(_, password)| password)) {
            secret.read().map_err(GuardError::File)?;
        }
        Ok(Self { bearer, basic, open })
    }

    /// Whether a request with these headers may write.
    ///
    /// # Errors
    /// 401 without the right credentials; 403 where nobody may write or a browser was sent here by
    /// another site; 500 where a secret file cannot be read.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        // Any page a person looks at can make the browser post here, with remembered credentials.
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
            let message = "a page of another site may not write here";
            return Err(Error::new(StatusCode::FORBIDDEN, message));
        }
        if self.open {
            return Ok(());
        }
        if self.bearer.is_none() && self.basic.is_none() {
            return Err(Error::new(
                StatusCode::FORBIDDEN,
                "writing is switched off: set web.bearer_token_file or web.basic_auth, or \
                 web.allow_unauthenticated_writes: true, in the configuration file",
            ));
        }
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if self.matches(header.unwrap_or_default())? {
            return Ok(());
        }
        let message = match header {
            None => "credentials are required: send an Authorization header",
            Some(_) => "wrong credentials",
        };
        Err(Error::new(StatusCode::UNAUTHORIZED, message))
    }

    fn matches(&self, header: &str) -> Result<bool, Error> {
        let (scheme, sent) = header.split_once(' ').unwrap_or((header, ""));
        let sent = sent.trim();
        if let (Some(token), true) = (&self.bearer, scheme.eq_ignore_ascii_case("bearer")) {
            return Ok(same(sent.as_bytes(), token.read().map_err(Error::internal)?.as_bytes()));
        }
        if let (Some((user, password)), true) = (&self.basic, scheme.eq_ignore_ascii_case("basic"))
        {
            let password = password.read().map_err(Error::internal)?;
            let sent = STANDARD.decode(sent).unwrap_or_default();
            return Ok(same(&sent, format!("{user}:{password}").as_bytes()));
        }
        Ok(false)
    }

    fn challenges(&self) -> impl Iterator<Item = axum::http::HeaderValue> {
        let bearer = self.bearer.is_some().then_some("Bearer realm=\"loadline\"");
        let basic = self.basic.is_some().then_some("Basic realm=\"loadline\", charset=\"UTF-8\"");
        bearer.into_iter().chain(basic).map(axum::http::HeaderValue::from_static)
    }
}

/// Compares in a time that tells nothing about `expected`, not even its length.
fn same(sent: &[u8], expected: &[u8]) -> bool {
    Sha256::digest(sent).ct_eq(&Sha256::digest(expected)).into()
}

enum Secret {
    Value(String),
    File(PathBuf),
}

impl Secret {
    fn new(
        value: &Option<String>,
        file: &Option<PathBuf>,
        setting: &str,
    ) -> Result<Self, GuardError> {
        match (value, file) {
            (Some(value), None) if !value.is_empty() => Ok(Self::Value(value.clone())),
            (None, Some(file)) => Ok(Self::File(file.clone())),
            (Some(_), None) => Err(GuardError::Settings(format!("{setting} is empty"))),
            _ => Err(GuardError::Settings(format!("set one of {setting} and {setting}_file"))),
        }
    }

    /// The secret as it is now, without white space around it.
    fn read(&self) -> Result<String, String> {
        let path = match self {
            Self::Value(value) => return Ok(value.clone()),
            Self::File(path) => path,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("cannot read the secret file {}: {e}", path.display()))?;
        match text.trim() {
            "" => Err(format!("the secret file {} is empty", path.display())),
            secret => Ok(secret.to_owned()),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(_) => f.write_str("<secret>"),
            Self::File(path) => write!(f, "<secret in {}>", path.display()),
        }
    }
}
