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
use memmap2::MmapMut;

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
const PIECE_BYTES: usize = 256 * 1024;

/// A body in pieces that go back to the kernel once they are sent: the allocator would keep the room for
/// the next scrape.
#[derive(Default)]
struct Pieces {
    full: VecDeque<Piece>,
    last: Option<Piece>,
}

/// Memory of its own, filled from the start.
struct Piece {
    memory: MmapMut,
    length: usize,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut piece = match self.last.take() {
            Some(piece) => piece,
            None => Piece { memory: MmapMut::map_anon(PIECE_BYTES)?, length: 0 },
        };
        let room = &mut piece.memory[piece.length..];
        let taken = bytes.len().min(room.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        piece.length += taken;
        if piece.length < PIECE_BYTES {
            self.last = Some(piece);
        } else {
            self.full.push_back(piece);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces {
    fn into_body(mut self) -> Body {
        self.full.extend(self.last);
        Body::new(Sending(self.full))
    }
}

/// What is left to send.
struct Sending(VecDeque<Piece>);

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(
            self.get_mut().0.pop_front().map(|piece| Ok(Frame::data(Bytes::from_owner(piece)))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.length as u64).sum())
    }
}
