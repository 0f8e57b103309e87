//! Alertmanager's webhook in: alerts become weighted, expiring signals.
