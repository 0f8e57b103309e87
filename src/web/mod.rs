//! The one HTTP server: limits, authentication, negotiation, health, shutdown.
//!
//! * [`Server`]: sockets, and what a client may cost: connections, headers, time.
//! * [`Error`]: a failed request: status and `{"status":"error","error":"…"}`.
//! * [`read_body`]: a request's body, to a limit.
//! * [`Front`]: the web configuration file: TLS, passwords, headers, rate limit, read again when changed.
//! * [`WriteGuard`]: who may write.
//! * [`max_requests`], [`scrape_timeout`]: what a scraper may ask.
//! * [`Format`], [`exposition`]: `/metrics` in the form that the scraper asks for, compressed if it may be.
//! * [`encode_registry`]: a `prometheus-client` registry in either form.
//! * [`Ready`], [`health`], [`landing`]: what people and supervisors look at.

mod address;
mod auth;
mod body;
mod bucket;
mod classic;
mod client_cert;
mod connection;
mod error;
mod exposition;
mod front;
mod landing;
mod listener;
mod negotiate;
mod passwords;
mod ready;
mod scrape;
mod server;
mod settings;
mod tls;

pub use address::ListenAddress;
pub use auth::{GuardError, WriteGuard, protected};
pub use body::read_body;
pub use classic::encode_registry;
pub use error::Error;
pub use exposition::exposition;
pub use front::{Front, check_web_file};
pub use landing::{Link, escape, landing};
pub use listener::Bound;
pub use negotiate::{Format, accepts_gzip};
pub use ready::{Ready, health};
pub use scrape::{max_requests, scrape_timeout};
pub use server::{BindError, Limits, Server};
