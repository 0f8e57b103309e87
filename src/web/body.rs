//! Reading a request's body to a limit.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Error;

/// How much of a body that is too large is read and thrown away. A server that closes at once resets
/// the connection under a client that is still sending, and the client never sees the 413.
const LINGER_BYTES: u64 = 32 << 20;

/// The whole body, at most `max_bytes` of it. `setting` names what raises the limit.
///
/// # Errors
/// 413 where the body is larger, 400 where it breaks off.
pub async fn read_body(mut body: Body, max_bytes: usize, setting: &str) -> Result<Bytes, Error> {
    let too_large = || {
        let text = format!("the request body is larger than {max_bytes} bytes: see {setting}");
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    if body.size_hint().lower() > max_bytes as u64 {
        discard(body).await;
        return Err(too_large());
    }
    match Limited::new(&mut body, max_bytes).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large())
        }
        Err(error) => Err(Error::bad_request(format!("the request body broke off: {error}"))),
    }
}

async fn discard(mut body: Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_is_exact() {
        let body = || Body::from("12345");
        assert_eq!(read_body(body(), 5, "x").await.expect("fits"), "12345");
        let error = read_body(body(), 4, "alerts.max_body_bytes").await.expect_err("too large");
        assert_eq!(error.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            error.message,
            "the request body is larger than 4 bytes: see alerts.max_body_bytes"
        );
    }
}
