//! Alertmanager's webhook in: alerts become weighted, expiring signals.
//!
//! An alert never runs anything. It is written down, it stands until it is resolved or its time is up,
//! and meanwhile it is one of the inputs of the policy. [`Webhook`] is what Alertmanager says,
//! [`AlertBook`] what is remembered of it (pure), [`Intake`] and [`router`] the way in over HTTP.

mod book;
mod http;
mod webhook;

pub use book::{AlertBook, Receipt};
pub use http::{Host, Intake, router};
pub use webhook::{Alert, Webhook, WebhookError};
