//! `--web.*`: the flags of every command that serves HTTP.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use clap::Args;
use tracing::info;

use super::{CommandResult, shutdown};
use crate::units::duration;
use crate::web::{Bound, Front, Limits, ListenAddress, Server};

/// Where to listen. `PORT` is the command's own port.
#[derive(Args)]
pub struct Listen<const PORT: u16> {
    /// Address to listen on: HOST:PORT, :PORT for all interfaces, or unix:/PATH; port 0 takes any free
    /// one. May be repeated
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        // Not `default_values_t`: it makes a static, which all ports would share.
        default_value = ListenAddress::any(PORT).to_string()
    )]
    addresses: Vec<ListenAddress>,
    /// Listen on the sockets of a systemd .socket unit instead
    #[arg(long = "web.systemd-socket", conflicts_with = "addresses")]
    systemd_socket: bool,
    /// File that switches on TLS, client certificates, passwords, headers, a rate limit (see `loadline
    /// check web-config`). It is read again whenever it changes
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
}

impl<const PORT: u16> Listen<PORT> {
    /// Serves `router` until the process is asked to end.
    pub async fn serve(&self, router: Router) -> CommandResult {
        let front = self.web_config_file.as_deref().map(Front::load).transpose()?;
        let scheme = if front.as_ref().is_some_and(|f| f.speaks_tls()) { "https" } else { "http" };
        let shutdown = shutdown::requested()?;
        let limits = Limits::default();
        let server = match self.systemd_socket {
            true => Server::from_systemd(limits)?,
            false => Server::bind(&self.addresses, limits).await?,
        };
        for address in server.addresses() {
            match address {
                Bound::Tcp(tcp) => {
                    let host = match tcp.ip() {
                        ip if ip.is_unspecified() => "localhost".to_owned(),
                        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                        ip => ip.to_string(),
                    };
                    info!(%address, "listening, open {scheme}://{host}:{}/", tcp.port());
                }
                Bound::Unix(_) => info!(%address, "listening, by {scheme}"),
            }
        }
        server.behind(front).serve(router, shutdown).await;
        Ok(())
    }
}

/// What a scraper may ask.
#[derive(Args)]
pub struct Scrapes {
    /// How many scrapes are answered at once; further ones get 503. 0 is no limit
    #[arg(long = "web.max-requests", value_name = "COUNT", default_value_t = 40)]
    pub max_requests: usize,
    /// How much earlier than Prometheus gives up a scrape must be done
    #[arg(
        long = "web.scrape-timeout-offset",
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = duration::parse
    )]
    pub timeout_offset: Duration,
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
