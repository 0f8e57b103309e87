//! The HTTP server as its clients see it: every test talks to a real socket.

mod auth;
mod authority;
mod file;
mod front;
mod limits;
mod pages;
mod scraped;
mod sockets;
mod tls;
mod tls_client;
