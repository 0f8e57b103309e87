//! The answer to a scrape.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Error, Format, accepts_gzip};

/// Metrics in the form that the request's `headers` ask for, compressed where they allow it.
///
/// Runs as long as `render` and the compressor do (tens of milliseconds for 8 MB): in a server, call
/// it by `spawn_blocking` if the body may be large.
pub fn exposition(
    headers: &HeaderMap,
    render: impl FnOnce(Format) -> Result<Vec<u8>, Error>,
) -> Response {
    let format = Format::negotiate(headers);
    let body = match render(format) {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let common = [(CONTENT_TYPE, format.content_type()), (VARY, "Accept, Accept-Encoding")];
    if !accepts_gzip(headers) {
        return (common, body).into_response();
    }
    match gzip(&body) {
        Ok(small) => (common, [(CONTENT_ENCODING, "gzip")], small).into_response(),
        Err(error) => Error::internal(format!("cannot compress: {error}")).into_response(),
    }
}

/// Level 1: for metrics it is as small as level 6 at half the time.
fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 16), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
