//! What stands before every route where there is a web configuration file: TLS, rate limit, headers,
//! passwords. The file is read again, with all it names, whenever it has changed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Error;
use super::bucket::Bucket;
use super::passwords::Passwords;
use super::settings::{Files, Reading, Settings};
use crate::config::{ConfigError, Problem, RateLimit};

/// A web configuration file in force.
///
/// A file that has become wrong changes nothing: the last good one stays in force. Neither does one
/// that would take protection away; that takes a restart, as a file that is being written may be
/// empty for a moment.
pub struct Front {
    path: PathBuf,
    state: Mutex<Current>,
    /// One reader at a time.
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
    passwords: Passwords,
    changed: watch::Sender<()>,
}

struct Current {
    settings: Arc<Settings>,
    files: Files,
}

/// Reads a web configuration file as a server would. Gives what may be meant otherwise.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_web_file(path: &Path) -> Result<Vec<Problem>, ConfigError> {
    Settings::read(path).result.map(|(_, warnings)| warnings)
}

impl Front {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Arc<Self>, ConfigError> {
        let Reading { result, files } = Settings::read(path);
        let (settings, warnings) = result?;
        warn_of(path, &warnings);
        let passwords = Passwords::new()
            .map_err(|message| ConfigError::whole(&path.display().to_string(), message))?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            bucket: Mutex::new(Bucket::new(settings.rate_limit, Instant::now())),
            state: Mutex::new(Current { settings: Arc::new(settings), files }),
            turn: tokio::sync::Mutex::default(),
            passwords,
            changed: watch::Sender::new(()),
        }))
    }

    /// Whether TLS was spoken at the last look.
    pub fn speaks_tls(&self) -> bool {
        self.state().settings.tls.is_some()
    }

    /// How TLS is spoken from now on, `None`: not at all; and what says when that may have changed.
    pub(super) async fn tls(
        self: &Arc<Self>,
    ) -> (Option<Arc<rustls::ServerConfig>>, watch::Receiver<()>) {
        let (settings, changes) = self.current().await;
        (settings.tls.as_ref().map(|tls| Arc::clone(&tls.config)), changes)
    }

    /// Puts this before all that `router` answers.
    pub(super) fn before(self: Arc<Self>, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, pass))
    }

    /// The settings that the file asks for now, and what says when others come into force.
    async fn current(self: &Arc<Self>) -> (Arc<Settings>, watch::Receiver<()>) {
        let _turn = self.turn.lock().await;
        let front = Arc::clone(self);
        // The files may lie on a slow file system.
        let refreshed = tokio::task::spawn_blocking(move || {
            let mut state = front.state();
            front.refresh(&mut state);
            front.in_force(&state)
        });
        refreshed.await.unwrap_or_else(|_| self.in_force(&self.state()))
    }

    /// Nothing comes into force in between, as `state` is locked.
    fn in_force(&self, state: &Current) -> (Arc<Settings>, watch::Receiver<()>) {
        (Arc::clone(&state.settings), self.changed.subscribe())
    }

    fn refresh(&self, state: &mut Current) {
        if state.files.unchanged() {
            return;
        }
        let Reading { result, files } = Settings::read(&self.path);
        state.files = files;
        match result {
            Err(error) => error!("the last good settings stay in force: {error}"),
            Ok((new, warnings)) => match state.settings.protection_lost(&new) {
                Some(lost) => error!(
                    "{}: the last good settings stay in force: {lost} is gone, and only a restart takes \
                     protection away",
                    self.path.display()
                ),
                None => {
                    warn_of(&self.path, &warnings);
                    info!(file = %self.path.display(), "new web settings are in force");
                    state.settings = Arc::new(new);
                    self.changed.send_replace(());
                }
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, Current> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_token(&self, limit: RateLimit) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(limit, Instant::now())
    }

    /// Whether a request with these headers is answered at all.
    async fn admit(&self, settings: &Settings, headers: &HeaderMap) -> Result<(), Response> {
        let limit = settings.rate_limit;
        if !self.take_token(limit) {
            let seconds = limit.interval.as_secs_f64().ceil();
            let error = Error::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("too many requests: one more every {} s", limit.interval.as_secs_f64()),
            );
            return Err(([(RETRY_AFTER, seconds.to_string())], error).into_response());
        }
        if settings.users.is_empty() {
            return Ok(());
        }
        let Some((user, password)) = headers.get(AUTHORIZATION).and_then(basic) else {
            return Err(unauthorized("a user and a password are required"));
        };
        match self.passwords.check(&settings.users, &user, &password).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(unauthorized("wrong user or password")),
            Err(_) => Err(Error::unavailable("too many passwords are being tried").into_response()),
        }
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Front({})", self.path.display())
    }
}

async fn pass(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let (settings, _) = front.current().await;
    let mut response = match front.admit(&settings, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(response) => response,
    };
    // What the operator asks for replaces what a page sets by itself.
    response.headers_mut().extend(settings.headers.clone());
    response
}

fn warn_of(path: &Path, warnings: &[Problem]) {
    for warning in warnings {
        warn!("{}{}: {}: {}", path.display(), warning.place(), warning.key, warning.message);
    }
}

fn unauthorized(message: &str) -> Response {
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"loadline\", charset=\"UTF-8\"")];
    (challenge, Error::new(StatusCode::UNAUTHORIZED, message)).into_response()
}

/// User and password of `Authorization: Basic …`.
fn basic(header: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, sent) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(sent.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some((pair[..colon].to_vec(), pair[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        basic(&HeaderValue::from_str(text).expect("a header"))
    }

    #[test]
    fn only_basic_credentials_are_read() {
        for text in ["", "Basic", "Basic !", "Basic YWJj", "Bearer YTpi", "YTpi"] {
            assert_eq!(sent(text), None, "{text:?}");
        }
        assert_eq!(sent("basic YTpi"), Some((b"a".to_vec(), b"b".to_vec())));
    }

    proptest! {
        #[test]
        fn a_password_may_hold_anything(user in "[^:]{0,9}", password in ".{0,9}") {
            let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            prop_assert_eq!(sent(&text), Some((user.into_bytes(), password.into_bytes())));
        }

        #[test]
        fn any_header_is_read_or_not(text in "[ -~]{0,30}") {
            let _ = sent(&text);
        }
    }
}
