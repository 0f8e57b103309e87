//! The answer to a scrape.

use std::io::Write;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Error, Format, accepts_gzip};

/// Metrics in the form that the request's `headers` ask for, compressed where they allow it, while
/// `render` writes them.
///
/// Runs as long as `render` and the compressor do (tens of milliseconds for 8 MB): in a server, call
/// it by `spawn_blocking` if the body may be large.
pub fn exposition(
    headers: &HeaderMap,
    render: impl FnOnce(Format, &mut dyn Write) -> Result<(), Error>,
) -> Response {
    let format = Format::negotiate(headers);
    let common = [(CONTENT_TYPE, format.content_type()), (VARY, "Accept, Accept-Encoding")];
    if !accepts_gzip(headers) {
        let mut body = Vec::new();
        return match render(format, &mut body) {
            Ok(()) => (common, body).into_response(),
            Err(error) => error.into_response(),
        };
    }
    match gzip(|out| render(format, out)) {
        Ok(body) => (common, [(CONTENT_ENCODING, "gzip")], body).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Level 1: higher ones make it a third smaller for twice the time, and the body goes a short way.
fn gzip(render: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    render(&mut encoder)?;
    encoder.finish().map_err(|error| Error::internal(format!("cannot compress: {error}")))
}
