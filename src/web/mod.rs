//! The one HTTP server: limits, authentication, negotiation, health, shutdown.
//!
//! * [`Server`]: sockets, and what a client may cost: connections, headers, time.
//! * [`Error`]: a failed request: status and `{"status":"error","error":"…"}`.
//! * [`read_body`]: a request's body, to a limit.
//! * [`WriteGuard`]: who may write.
//! * [`Format`], [`exposition`]: `/metrics` in the form that the scraper asks for, compressed if it may be.
//! * [`encode_registry`]: a `prometheus-client` registry in either form.
//! * [`Ready`], [`health`], [`landing`]: what people and supervisors look at.

mod address;
mod auth;
mod body;
mod classic;
mod error;
mod exposition;
mod landing;
mod negotiate;
mod ready;
mod server;

pub use address::ListenAddress;
pub use auth::{GuardError, WriteGuard, protected};
pub use body::read_body;
pub use classic::encode_registry;
pub use error::Error;
pub use exposition::exposition;
pub use landing::{Link, escape, landing};
pub use negotiate::{Format, accepts_gzip};
pub use ready::{Ready, health};
pub use server::{BindError, Limits, Server};
