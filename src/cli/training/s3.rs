//! Files of a bucket, by the S3 protocol.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, StatusCode, Url};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Credentials, S3Action, UrlStyle};
use tokio::runtime::{self, Runtime};

use super::s3_credentials::{self, Variables};
use super::{Failure, Store};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a signature holds: it is used at once.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// The largest file, so that none fills the memory.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// How a bucket is reached.
#[derive(Args)]
pub struct Flags {
    /// Base URL of an S3-compatible server; that of AWS by default. The bucket then stands in the path
    #[arg(long = "s3.endpoint", value_name = "URL", requires = "data", help_heading = "Data")]
    endpoint: Option<String>,
    /// The region of the bucket; AWS_REGION, the AWS configuration or us-east-1 by default
    #[arg(long = "s3.region", value_name = "NAME", requires = "data", help_heading = "Data")]
    region: Option<String>,
}

/// The objects of a bucket whose keys have a prefix.
pub struct Bucket {
    /// Kept as long as the connections, which live in it.
    runtime: Runtime,
    http: Client,
    bucket: rusty_s3::Bucket,
    /// None for a bucket that everybody may read.
    credentials: Option<Credentials>,
    prefix: String,
    /// As the user named it.
    address: String,
}

impl Bucket {
    /// At `BUCKET/PREFIX`.
    pub fn open(flags: &Flags, address: &str) -> Result<Self, Failure> {
        let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
        let address = format!("s3://{address}");
        if name.is_empty() {
            return Err(format!("{address}: expected s3://BUCKET/PREFIX, found no bucket").into());
        }
        let variables = Variables::of_process();
        let region = flags.region.clone().or_else(|| s3_credentials::region(&variables));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = flags.endpoint.clone().or_else(|| s3_credentials::endpoint(&variables));
        // A name with a dot is not covered by the certificate of AWS.
        let style = match endpoint {
            None if !name.contains('.') => UrlStyle::VirtualHost,
            _ => UrlStyle::Path,
        };
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let url: Url = endpoint.parse().map_err(|error| {
            format!("--s3.endpoint: expected a URL such as https://host:9000, found {endpoint:?}: {error}")
        })?;
        let mut http = Client::builder().timeout(TIMEOUT);
        if url.scheme() == "http" {
            // Nobody need be trusted, and a small container image has no certificates.
            http = http.tls_certs_only([]);
        }
        let bucket = rusty_s3::Bucket::new(url, style, name.to_owned(), region)
            .map_err(|error| format!("{address}: cannot be addressed at {endpoint}: {error}"))?;
        let credentials = s3_credentials::find(&variables)?;
        let (http, prefix) = (http.build()?, prefix.to_owned());
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, http, bucket, credentials, prefix, address })
    }

    /// The body of the answer to a GET of `url`; `what` stands in errors.
    async fn fetch(&self, url: Url, what: &str) -> Result<Vec<u8>, Failure> {
        let told = |error: reqwest::Error| format!("{what}: {}", error.without_url());
        let mut answer = self.http.get(url).send().await.map_err(told)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(told)? {
            body.extend_from_slice(&part);
            if body.len() as u64 > LARGEST_FILE_BYTES {
                return Err(format!("{what}: larger than {LARGEST_FILE_BYTES} bytes").into());
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        let hint = match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED if self.credentials.is_none() => {
                "; no credentials were found (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or \
                 ~/.aws/credentials)"
            }
            _ => "",
        };
        let reason = reason(&String::from_utf8_lossy(&body));
        Err(format!("{what}: {status}{reason}{hint}").into())
    }
}

impl Store for Bucket {
    fn list(&self) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut action = self.bucket.list_objects_v2(self.credentials.as_ref());
            action.with_prefix(self.prefix.as_str());
            if let Some(token) = &token {
                action.with_continuation_token(token.as_str());
            }
            let url = action.sign(SIGNED_FOR);
            let body = self.runtime.block_on(self.fetch(url, &self.address))?;
            let body = String::from_utf8_lossy(&body);
            let page = ListObjectsV2::parse_response(&body).map_err(|error| {
                format!("{}: not the answer of an S3 server: {error}", self.address)
            })?;
            keys.extend(page.contents.into_iter().map(|object| object.key));
            match page.next_continuation_token {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                _ => break,
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let action = self.bucket.get_object(self.credentials.as_ref(), name);
        let what = format!("s3://{}/{name}", self.bucket.name());
        self.runtime.block_on(self.fetch(action.sign(SIGNED_FOR), &what))
    }
}

/// The code and the message of an S3 error document.
fn reason(body: &str) -> String {
    let inside = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
    };
    let parts: Vec<String> = ["Code", "Message"].into_iter().filter_map(inside).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(": ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_the_servers_words() {
        let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>None</Message></Error>";
        assert_eq!(reason(body), " (NoSuchBucket: None)");
        assert_eq!(reason("<html>"), "");
    }
}
