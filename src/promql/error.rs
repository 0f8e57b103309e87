//! Why there is no answer, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::units::duration;

/// A query without an answer. The text names the cause, the remedy, the address and the query.
#[derive(Debug, thiserror::Error)]
#[error("{failure}; url: {url}; query: {query}")]
pub struct QueryError {
    /// The address that was asked, without parameters.
    pub url: String,
    /// The query, as sent.
    pub query: String,
    /// What went wrong.
    #[source]
    pub failure: Failure,
}

impl QueryError {
    /// Whether the same query may be answered later without a change of the configuration.
    pub fn recoverable(&self) -> bool {
        match &self.failure {
            Failure::Unreachable(_) | Failure::TimedOut(_) | Failure::Secret { .. } => true,
            Failure::Rejected { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Failure::BadAnswer(_) | Failure::TooLarge(_) => false,
        }
    }
}

/// What can go wrong with a query.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke.
    #[error(
        "cannot reach Prometheus: {0}: check prometheus.url and that the server is running there"
    )]
    Unreachable(String),
    /// Too slow.
    #[error(
        "Prometheus did not answer within {time}: raise prometheus.timeout or simplify the query",
        time = duration::format(*.0)
    )]
    TimedOut(Duration),
    /// The server's own refusal.
    #[error("Prometheus answered with status {status}: {message}: {hint}", hint = hint(*.status))]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The server's message, or the beginning of its body.
        message: String,
    },
    /// Something answered that does not speak the query API, or the query returns no numbers.
    #[error(
        "the answer cannot be used: {0}: check the query, and that prometheus.url is the base URL of a Prometheus"
    )]
    BadAnswer(String),
    /// The cap of [`super::MAX_BODY_BYTES`].
    #[error("the answer is larger than {0} bytes: narrow the query")]
    TooLarge(usize),
    /// A password or token file that cannot be used.
    #[error("cannot read {}: {source}: check prometheus.http_config", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "check prometheus.http_config",
        404 | 405 => "check that prometheus.url is the base URL of a Prometheus",
        400 | 422 => "correct the query, or narrow it",
        300..=399 => "set prometheus.url to the address it redirects to",
        _ => "see the server's log",
    }
}

/// Settings from which no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("prometheus.http_config.{key}: {problem}")]
pub struct ClientError {
    /// The key below `http_config`.
    pub key: &'static str,
    /// What was expected, and what was found.
    pub problem: String,
}
