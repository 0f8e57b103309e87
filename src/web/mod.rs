//! The one HTTP server: limits, authentication, negotiation, health, shutdown.
