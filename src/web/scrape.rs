//! What a scraper may ask of the metrics: how many at once, and how long it waits.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use tokio::sync::Semaphore;

use super::Error;

/// How long Prometheus waits for the scrape, in seconds; it sends this with each.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Lets at most `limit` requests into the routes of `router` at once; further ones get 503. 0 is no
/// limit.
pub fn max_requests<S>(router: Router<S>, limit: usize) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    if limit == 0 {
        return router;
    }
    let places = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
    router.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        let place = Arc::clone(&places).try_acquire_owned();
        async move {
            match place {
                Ok(_place) => next.run(request).await,
                Err(_) => Error::unavailable(format!(
                    "{limit} scrapes are being answered already: see --web.max-requests"
                ))
                .into_response(),
            }
        }
    }))
}

/// How long a scrape may take: what the scraper says it waits, less `offset` for the way back. `None`
/// where it says nothing that makes sense, or nothing would be left.
pub fn scrape_timeout(headers: &HeaderMap, offset: Duration) -> Option<Duration> {
    let seconds: f64 = headers.get(TIMEOUT_HEADER)?.to_str().ok()?.trim().parse().ok()?;
    let whole = Duration::try_from_secs_f64(seconds).ok()?;
    whole.checked_sub(offset).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const OFFSET: Duration = Duration::from_millis(500);

    fn timeout(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("X-Prometheus-Scrape-Timeout-Seconds", HeaderValue::from_str(value).ok()?);
        scrape_timeout(&headers, OFFSET)
    }

    #[test]
    fn what_is_left_is_the_time_without_the_offset() {
        assert_eq!(timeout("10"), Some(Duration::from_millis(9500)));
        assert_eq!(timeout("2.25"), Some(Duration::from_millis(1750)));
        for ignored in ["", "0", "0.5", "0.1", "-1", "nan", "inf", "1e300", "10s", "1,5"] {
            assert_eq!(timeout(ignored), None, "{ignored:?}");
        }
        assert_eq!(scrape_timeout(&HeaderMap::new(), OFFSET), None);
    }

    proptest! {
        #[test]
        fn any_header_is_a_time_or_ignored(value in "[ -~]{0,20}") {
            if let Some(left) = timeout(&value) {
                prop_assert!(!left.is_zero());
            }
        }
    }
}
