//! HTTP as tests need it: whole replies, nothing decoded, nothing followed.

use std::net::TcpListener;
use std::sync::LazyLock;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::PATIENCE;

/// A port of 127.0.0.1 that was free a moment ago. For servers that cannot say which port they got;
/// `loadline` can: give it port 0 and use `Process::wait_address`.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A client that follows no redirect, knows no proxy, speaks no TLS, decodes nothing, and gives up after
/// [`PATIENCE`].
pub fn client() -> reqwest::Client {
    static PROVIDER: LazyLock<()> = LazyLock::new(|| {
        // Fails only where a test has installed one: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    LazyLock::force(&PROVIDER);
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        // Nobody is trusted: on loopback nobody needs to be, and reading the host's certificates takes long.
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .expect("the client is well configured")
}

/// One HTTP reply, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers; names compare without case.
    pub headers: HeaderMap,
    /// Body, as it came over the wire.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads `response` to its end.
    pub async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text body")
    }

    /// A header's value; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }
}

/// `GET url`. The error says in words why there is no reply: made for `wait_for`.
pub async fn http_get(url: &str) -> Result<Reply, String> {
    http_get_with(url, &[]).await
}

/// `GET url` with further headers.
pub async fn http_get_with(url: &str, headers: &[(&str, &str)]) -> Result<Reply, String> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        })
        .collect();
    let fail = |e: reqwest::Error| format!("GET {url}: {e:?}");
    let response = client().get(url).headers(headers).send().await.map_err(fail)?;
    Reply::read(response).await.map_err(fail)
}
