//! Targets for Prometheus, one a container: over HTTP and as a file.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;

use axum::Json;
use axum::extract::{OriginalUri, Query};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use clap::Args;
use tracing::warn;

use super::output::write_atomically;
use crate::exporter::{Collector, TargetGroup};
use crate::web::Error;

/// The flags of the file.
#[derive(Args)]
pub struct Discovery {
    /// File for file_sd_configs, one target a container; written when a scrape finds another set of them
    #[arg(long = "sd.file", value_name = "FILE", requires = "address")]
    file: Option<PathBuf>,
    /// Address at which Prometheus reaches this exporter, for --sd.file
    #[arg(long = "sd.address", value_name = "HOST:PORT", requires = "file")]
    address: Option<String>,
}

impl Discovery {
    /// The file, where one is asked for.
    pub fn into_file(self, metrics_path: &str) -> Option<TargetFile> {
        let metrics_path = metrics_path.to_owned();
        let (path, address) = (self.file?, self.address?);
        Some(TargetFile { path, address, metrics_path, content: Vec::new() })
    }
}

/// A file of targets, kept up to date.
pub struct TargetFile {
    path: PathBuf,
    address: String,
    metrics_path: String,
    /// What it was last given.
    content: Vec<u8>,
}

impl TargetFile {
    /// Writes the file where the targets of the last collection are others than it has.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, collector: &Collector) -> io::Result<()> {
        let targets = collector.targets(&self.address, &self.metrics_path);
        let content = serde_json::to_vec_pretty(&targets)?;
        if content != self.content {
            write_atomically(&self.path, |file| file.write_all(&content))?;
            self.content = content;
        }
        Ok(())
    }

    /// The same; an error is logged, as nobody waits for the file.
    pub fn refresh(&mut self, collector: &Collector) {
        if let Err(error) = self.write(collector) {
            warn!(%error, "the file of targets is not up to date");
        }
    }
}

/// Answers `http_sd_configs`. The targets' address is that by which we were asked, or the parameter
/// `address`.
///
/// # Errors
/// 400 where neither tells it.
pub fn answer(
    collector: &Collector,
    metrics_path: &str,
    OriginalUri(uri): &OriginalUri,
    Query(parameters): &Query<HashMap<String, String>>,
    headers: &HeaderMap,
) -> Result<Json<Vec<TargetGroup>>, Error> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = parameters.get("address").map(String::as_str).or(host);
    // HTTP/2 has the address in its own place.
    let address = asked.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let missing = || Error::bad_request("no address for the targets: give ?address=HOST:PORT");
    Ok(Json(collector.targets(address.ok_or_else(missing)?, metrics_path)))
}
