//! `--web.*`: the flags of every command that serves HTTP.

use std::str::FromStr;

use axum::Router;
use clap::Args;
use tracing::info;

use super::{CommandResult, shutdown};
use crate::web::{Limits, ListenAddress, Server};

/// Where to listen. `PORT` is the command's own port.
#[derive(Args)]
pub struct Listen<const PORT: u16> {
    /// Address to listen on: HOST:PORT, or :PORT for all interfaces; port 0 takes any free one. May
    /// be repeated
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_values_t = [ListenAddress::any(PORT)]
    )]
    addresses: Vec<ListenAddress>,
}

impl<const PORT: u16> Listen<PORT> {
    /// Serves `router` until the process is asked to end.
    pub async fn serve(&self, router: Router) -> CommandResult {
        let shutdown = shutdown::requested()?;
        let server = Server::bind(&self.addresses, Limits::default()).await?;
        for address in server.addresses() {
            let host = match address.ip() {
                ip if ip.is_unspecified() => "localhost".to_owned(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                ip => ip.to_string(),
            };
            info!(%address, "listening, open http://{host}:{}/", address.port());
        }
        server.serve(router, shutdown).await;
        Ok(())
    }
}

/// The path of a command's metrics: not one that has another use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryPath(String);

impl TelemetryPath {
    /// The path, with its slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TelemetryPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        if !text.starts_with('/') || !text.chars().all(plain) {
            return Err("expected a path such as /metrics".to_owned());
        }
        let taken = ["/", "/healthz"].contains(&text)
            || ["/-/", "/api/"].iter().any(|prefix| text.starts_with(prefix));
        if taken {
            return Err("this path has another use: expected one such as /metrics".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths() {
        for good in ["/metrics", "/probe/metrics", "/m-1_2.3~"] {
            assert_eq!(good.parse(), Ok(TelemetryPath(good.to_owned())));
        }
        for bad in ["", "metrics", "/", "/{x}", "/a b", "/-/healthy", "/healthz", "/api/v1"] {
            assert!(bad.parse::<TelemetryPath>().is_err(), "{bad:?} was accepted");
        }
    }
}
