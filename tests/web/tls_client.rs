//! A client that decides each detail of TLS, and says in words what went wrong.

use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::Identity;

/// A client of one authority.
#[derive(Clone)]
pub struct TlsClient {
    pub authority: String,
    pub identity: Option<Identity>,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub provider: CryptoProvider,
    pub alpn: Vec<&'static str>,
}

impl TlsClient {
    pub fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            identity: None,
            versions: rustls::DEFAULT_VERSIONS.to_vec(),
            provider: ring::default_provider(),
            alpn: vec!["http/1.1"],
        }
    }

    pub fn with(&self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self.clone() }
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.authority)).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider.clone()))
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
                let chain = vec![certificate(&identity.cert)];
                builder.with_client_auth_cert(chain, key).expect("a pair")
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// The handshake. That a server turns this client's certificate down shows only at the first read.
    pub async fn connect(&self, address: &str) -> Result<TlsStream<TcpStream>, String> {
        let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let connector = TlsConnector::from(Arc::new(self.config()));
        connector.connect(name, stream).await.map_err(|e| e.to_string())
    }

    /// `GET path` by HTTP/1.1: the whole reply.
    pub async fn get(&self, address: &str, path: &str) -> Result<String, String> {
        let mut stream = self.connect(address).await?;
        request(&mut stream, path, "connection: close\r\n").await?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.map_err(|e| e.to_string())?;
        Ok(String::from_utf8(reply).expect("text"))
    }

    /// `GET /` by HTTP/2: the body.
    pub async fn get_http2(&self, address: &str) -> Result<String, String> {
        let client = Self { alpn: vec!["h2"], ..self.clone() };
        let stream = client.connect(address).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
        let (mut sender, connection) = handshake.map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("https://{address}/"));
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.map_err(|e| format!("{e:?}"))?;
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?;
        Ok(String::from_utf8(body.to_bytes().to_vec()).expect("text"))
    }
}

/// Sends a request with further header lines.
pub async fn request(
    stream: &mut TlsStream<TcpStream>,
    path: &str,
    headers: &str,
) -> Result<(), String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
