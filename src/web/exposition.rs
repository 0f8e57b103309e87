//! The answer to a scrape.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Frame, SizeHint};

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
        let mut body = Pieces::default();
        return match render(format, &mut body) {
            Ok(()) => (common, body.into_body()).into_response(),
            Err(error) => error.into_response(),
        };
    }
    match gzip(|out| render(format, out)) {
        Ok(body) => (common, [(CONTENT_ENCODING, "gzip")], body.into_body()).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Level 1: higher ones make it a third smaller for twice the time, and the body goes a short way.
fn gzip(render: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<Pieces, Error> {
    let mut encoder = GzEncoder::new(Pieces::default(), Compression::fast());
    render(&mut encoder)?;
    encoder.finish().map_err(|error| Error::internal(format!("cannot compress: {error}")))
}

/// The size of one piece of a body.
const PIECE_BYTES: usize = 64 * 1024;

/// A body in pieces of one size: a buffer that grows to megabytes would be copied on the way, and the
/// allocator would keep the room of the largest.
#[derive(Default)]
struct Pieces {
    full: VecDeque<Bytes>,
    last: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.capacity() == 0 {
            self.last.reserve_exact(PIECE_BYTES);
        }
        let taken = bytes.len().min(PIECE_BYTES - self.last.len());
        self.last.extend_from_slice(&bytes[..taken]);
        if self.last.len() == PIECE_BYTES {
            self.full.push_back(std::mem::take(&mut self.last).into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces {
    fn into_body(mut self) -> Body {
        if !self.last.is_empty() {
            self.full.push_back(self.last.into());
        }
        Body::new(Sending(self.full))
    }
}

/// What is left to send.
struct Sending(VecDeque<Bytes>);

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
