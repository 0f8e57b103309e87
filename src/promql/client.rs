//! The HTTP side of the query API: one instant query, one range query.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, RequestBuilder, Response, StatusCode, redirect};
use tokio::sync::Semaphore;

use super::answer::{self, Answer, Reply};
use super::error::{ClientError, Failure, QueryError};
use crate::config::{HttpConfig, Prometheus};
use crate::units::Timestamp;

/// The largest answer that is read, in bytes, after decompression.
pub const MAX_BODY_BYTES: usize = 256 << 20;

/// How many queries run at once. The others wait, and their time-out starts when they are sent.
const MAX_CONCURRENT: usize = 4;

/// How much of a body that is not JSON goes into an error.
const MAX_QUOTED_BYTES: usize = 200;

/// A client of one Prometheus, or of anything that speaks its query API. Clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    base: String,
    config: HttpConfig,
    timeout: Duration,
    max_body_bytes: usize,
    permits: Semaphore,
}

impl Client {
    /// A client for these settings. Opens no connection, but reads `ca_file`.
    ///
    /// # Errors
    /// A CA file that cannot be read or holds no certificate; a header that HTTP does not allow.
    pub fn new(settings: &Prometheus) -> Result<Self, ClientError> {
        // The library panics without a provider; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = settings.http_config.clone();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("loadline/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(&config)?)
            // A redirect turns a POST into a GET and loses the query: better to say so.
            .redirect(redirect::Policy::none())
            // As in Prometheus, no proxy is taken from the environment unasked.
            .no_proxy()
            .tls_danger_accept_invalid_certs(config.tls_config.insecure_skip_verify);
        if let Some(path) = &config.tls_config.ca_file {
            builder = builder.tls_certs_merge(certificates(path)?);
        } else if settings.url.starts_with("http://") {
            // Without TLS nobody need be trusted. The library refuses to start where the system has no
            // certificates, as in a small container image.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|e| ClientError {
            key: "tls_config",
            problem: root_cause(&e.without_url()),
        })?;
        Ok(Self {
            shared: Arc::new(Shared {
                http,
                base: settings.url.trim_end_matches('/').to_owned(),
                config,
                timeout: settings.timeout,
                max_body_bytes: MAX_BODY_BYTES,
                permits: Semaphore::new(MAX_CONCURRENT),
            }),
        })
    }

    /// The value of `query` at `at`; now, by the server's clock, where `at` is `None`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn instant(&self, query: &str, at: Option<Timestamp>) -> Result<Answer, QueryError> {
        let parameters = at.map(|at| ("time", at.seconds().to_string()));
        self.ask("query", query, parameters.as_slice()).await
    }

    /// The values of `query` at `start`, `start + step`, … up to `end` inclusive.
    /// Prometheus refuses more than 11 000 steps.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn range(
        &self,
        query: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Answer, QueryError> {
        let parameters = [
            ("start", start.seconds().to_string()),
            ("end", end.seconds().to_string()),
            ("step", step.as_secs_f64().to_string()),
        ];
        self.ask("query_range", query, &parameters).await
    }

    /// The error of an instant answer that is well formed and still of no use.
    pub(super) fn unusable(&self, query: &str, problem: String) -> QueryError {
        let url = self.shared.url("query");
        QueryError { url, query: query.to_owned(), failure: Failure::BadAnswer(problem) }
    }

    /// By POST: a URL is too short for long queries, and lands in access logs.
    async fn ask(
        &self,
        endpoint: &str,
        query: &str,
        parameters: &[(&str, String)],
    ) -> Result<Answer, QueryError> {
        let url = self.shared.url(endpoint);
        let fail = |failure| QueryError { url: url.clone(), query: query.to_owned(), failure };
        let timeout = format!("{}ms", self.shared.timeout.as_millis());
        // VictoriaMetrics hides the last 30 seconds unless told `nocache=1`; others ignore it.
        let mut form = vec![("query", query), ("timeout", &timeout), ("nocache", "1")];
        form.extend(parameters.iter().map(|(key, value)| (*key, value.as_str())));
        let request = self.shared.http.post(&url).form(&form).timeout(self.shared.timeout);
        let request = self.shared.authenticated(request).map_err(fail)?;

        // The semaphore is never closed, so a permit always comes.
        let _permit = self.shared.permits.acquire().await;
        let failed = |error| fail(self.shared.transport(error));
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let is_json = has_json(&response);
        let location = header(&response, "location");
        let most = self.shared.max_body_bytes;
        let body = read(response, most).await.map_err(|error| match error {
            ReadError::TooLarge => fail(Failure::TooLarge(most)),
            ReadError::Transport(error) => failed(error),
        })?;
        understand(status, is_json, location.as_deref(), &body).map_err(fail)
    }
}

impl Shared {
    fn url(&self, endpoint: &str) -> String {
        format!("{}/api/v1/{endpoint}", self.base)
    }

    /// Secrets in files are read for every request, so that a rotated one is taken up at once.
    fn authenticated(&self, request: RequestBuilder) -> Result<RequestBuilder, Failure> {
        if let Some(basic) = &self.config.basic_auth {
            let password = secret(basic.password.as_deref(), basic.password_file.as_deref())?;
            return Ok(request.basic_auth(&basic.username, Some(password)));
        }
        if let Some(auth) = &self.config.authorization {
            let token = secret(auth.credentials.as_deref(), auth.credentials_file.as_deref())?;
            return Ok(request.header(AUTHORIZATION, format!("{} {token}", auth.kind)));
        }
        Ok(request)
    }

    fn transport(&self, error: reqwest::Error) -> Failure {
        if error.is_timeout() {
            Failure::TimedOut(self.timeout)
        } else {
            Failure::Unreachable(root_cause(&error.without_url()))
        }
    }
}

fn secret(inline: Option<&str>, file: Option<&Path>) -> Result<String, Failure> {
    let Some(path) = file else {
        return Ok(inline.unwrap_or_default().to_owned());
    };
    let fail = |source| Failure::Secret { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(fail)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if HeaderValue::from_str(text).is_err() {
        let problem = "expected one line of printable characters";
        return Err(fail(io::Error::new(io::ErrorKind::InvalidData, problem)));
    }
    Ok(text.to_owned())
}

fn headers(config: &HttpConfig) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.http_headers {
        let fail = |problem: String| ClientError { key: "http_headers", problem };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| fail(format!("expected the name of an HTTP header, found {name:?}")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| fail(format!("expected one line of printable characters as {name}")))?;
        headers.append(key, value);
    }
    Ok(headers)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let fail = |problem: String| ClientError {
        key: "tls_config.ca_file",
        problem: format!("{}: {problem}", path.display()),
    };
    let pem = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|e| fail(format!("expected PEM certificates: {}", root_cause(&e))))?;
    if certificates.is_empty() {
        return Err(fail("expected PEM certificates, found none".to_owned()));
    }
    Ok(certificates)
}

enum ReadError {
    TooLarge,
    Transport(reqwest::Error),
}

/// The body, counted as it comes in and not by what its header says.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Transport)? {
        if body.len() + chunk.len() > most {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A status and a body → an answer, or why there is none.
fn understand(
    status: StatusCode,
    is_json: bool,
    location: Option<&str>,
    body: &[u8],
) -> Result<Answer, Failure> {
    let rejected = |message: String| Failure::Rejected { status: status.as_u16(), message };
    match answer::parse(body) {
        Ok(Reply::Error { kind, message }) => {
            Err(rejected(if message.is_empty() { kind } else { message }))
        }
        Ok(Reply::Success(answer)) if status.is_success() => Ok(answer),
        Err(problem) if status.is_success() && is_json => Err(Failure::BadAnswer(problem)),
        Err(_) if status.is_success() => {
            Err(Failure::BadAnswer(format!("expected JSON, found {}", quoted(body))))
        }
        _ => Err(rejected(match location {
            Some(location) => format!("redirected to {location}"),
            None => quoted(body),
        })),
    }
}

fn has_json(response: &Response) -> bool {
    header(response, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"))
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The beginning of a body, as one line.
fn quoted(body: &[u8]) -> String {
    let cut = String::from_utf8_lossy(&body[..body.len().min(MAX_QUOTED_BYTES)]);
    let line = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "an empty body".to_owned() } else { format!("{line:?}") }
}

/// The innermost error: the outer ones only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_endless_body_is_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let n = socket.read(&mut [0; 4096]).await.expect("a request");
            assert!(n > 0, "the client hung up");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
            socket.write_all(head.as_bytes()).await.expect("sent");
            // Without an end, until the client hangs up.
            while socket.write_all(&[b' '; 4096]).await.is_ok() {}
        });
        let mut client = Client::new(&Prometheus::at(format!("http://{address}"))).expect("made");
        Arc::get_mut(&mut client.shared).expect("the only one").max_body_bytes = 1 << 20;
        let error = client.instant("up", None).await.expect_err("too large");
        assert!(matches!(error.failure, Failure::TooLarge(1_048_576)), "{error}");
        server.await.expect("the connection was closed");
    }
}
