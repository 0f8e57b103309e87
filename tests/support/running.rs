//! `loadline`'s own HTTP server within the test's process: for its tests, and for fakes of others.

use std::sync::Arc;

use axum::Router;
use loadline::web::{Front, Limits, ListenAddress, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server on a port of its own. It ends with the runtime of its test.
pub struct Running {
    /// Host and port.
    pub address: String,
    /// Asks the server to end.
    pub stop: oneshot::Sender<()>,
    /// Ready once it has.
    pub ended: JoinHandle<()>,
}

impl Running {
    /// Serves `router` from now on.
    pub async fn start(router: Router, limits: Limits) -> Self {
        Self::behind(None, router, limits).await
    }

    /// Serves `router` behind `front` from now on.
    pub async fn behind(front: Option<Arc<Front>>, router: Router, limits: Limits) -> Self {
        let server = Server::bind(&[ListenAddress::loopback(0)], limits).await.expect("a port");
        let server = server.behind(front);
        let address = server.addresses()[0].to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.serve(router, async {
            // Ready as well where the test has dropped its end.
            let _ = stopped.await;
        }));
        Self { address, stop, ended }
    }

    /// The address of `path` on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A bare connection.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("the server listens")
    }

    /// Sends `request` as it stands and reads until the server closes.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        read_all(&mut stream).await
    }
}

/// All that comes before the other side closes.
pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    // A reset after the reply ends it as well as a close.
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8(reply).expect("text")
}
