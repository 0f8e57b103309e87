//! Sockets that wait for clients, and the connections they give.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::ListenAddress;

/// Where a server listens in fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// TCP, with the port that the kernel chose.
    Tcp(SocketAddr),
    /// A socket in the file system; empty where it has no name.
    Unix(PathBuf),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An open socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed at the end, where it is ours.
        _file: Option<SocketFile>,
    },
}

impl Listener {
    /// Opens a socket at `address`.
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp { host: Some(host), port } => {
                TcpListener::bind((host.as_str(), *port)).await.map(Self::Tcp)
            }
            ListenAddress::Tcp { host: None, port } => any_interface(*port).await.map(Self::Tcp),
            ListenAddress::Unix(path) => {
                remove_if_abandoned(path);
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix { listener, _file: Some(SocketFile(path.clone())) })
            }
        }
    }

    /// The sockets that systemd has opened for this process.
    ///
    /// # Errors
    /// A sentence that says which of them cannot be served, or that there are none.
    pub fn from_systemd() -> Result<Vec<Self>, String> {
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            return Err(
                "systemd has passed no socket to this process: start it by a .socket unit, \
                        or leave --web.systemd-socket out"
                    .to_owned(),
            );
        }
        (0..passed.len()).map(|index| take(&mut passed, index)).collect()
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<Bound> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Bound::Tcp),
            Self::Unix { listener, .. } => {
                let address = listener.local_addr()?;
                Ok(Bound::Unix(address.as_pathname().map(Path::to_owned).unwrap_or_default()))
            }
        }
    }

    /// The next connection.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                ready!(listener.poll_accept(cx)).map(|(stream, _)| Stream::Tcp(stream))
            }
            Self::Unix { listener, .. } => {
                ready!(listener.poll_accept(cx)).map(|(stream, _)| Stream::Unix(stream))
            }
        })
    }
}

async fn any_interface(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(("::", port)).await {
        Err(e) if !matches!(e.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
            // A host without IPv6.
            TcpListener::bind(("0.0.0.0", port)).await
        }
        result => result,
    }
}

fn take(passed: &mut ListenFd, index: usize) -> Result<Listener, String> {
    // systemd numbers them from 3.
    let fail = |error: io::Error| {
        let number = index + 3;
        format!("cannot listen on descriptor {number}, which systemd has passed: {error}")
    };
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        listener.set_nonblocking(true).map_err(fail)?;
        return TcpListener::from_std(listener).map(Listener::Tcp).map_err(fail);
    }
    match passed.take_unix_listener(index) {
        Ok(Some(listener)) => {
            listener.set_nonblocking(true).map_err(fail)?;
            let listener = UnixListener::from_std(listener).map_err(fail)?;
            Ok(Listener::Unix { listener, _file: None })
        }
        _ => Err(fail(io::Error::other("expected a TCP or Unix stream socket that listens"))),
    }
}

/// Removes a socket's file that nobody listens on: what is left after a crash.
fn remove_if_abandoned(path: &Path) {
    let is_socket = path.symlink_metadata().is_ok_and(|m| m.file_type().is_socket());
    let refused = || {
        let probe = std::os::unix::net::UnixStream::connect(path);
        probe.is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
    };
    if is_socket && refused() {
        // Where this fails, binding fails next and says why.
        let _ = std::fs::remove_file(path);
    }
}

/// Removes the file of a socket when it is closed.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been removed by others: as good.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Sets how long a client may leave unread what was sent to it.
    pub fn prepare(&self, unread: Duration) {
        if let Self::Tcp(stream) = self {
            // Neither can fail on a fresh socket but for want of memory; the connection works without.
            let _ = stream.set_nodelay(true);
            let unread_ms = u32::try_from(unread.as_millis()).unwrap_or(u32::MAX);
            let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, unread_ms);
        }
    }

    /// The first byte that the client sends, left to be read; `None` where it sends none and closes.
    pub async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(stream) => stream.peek(&mut byte).await?,
            Self::Unix(stream) => {
                let mut peek = || Ok(recv(stream, &mut byte[..], RecvFlags::PEEK)?.0);
                stream.async_io(Interest::READABLE, &mut peek).await?
            }
        };
        Ok((read > 0).then_some(byte[0]))
    }
}
