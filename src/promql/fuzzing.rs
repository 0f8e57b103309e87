//! The parser of this room for `fuzz/`, with what must hold of it.

use super::answer::{Reply, parse};

/// The body of a reply.
pub fn answer(body: &[u8]) {
    match parse(body) {
        Ok(Reply::Success(answer)) => {
            assert!(answer.warnings.is_empty() || answer.is_partial);
            for series in &answer.series {
                assert!(series.samples.is_sorted_by_key(|sample| sample.at));
            }
        }
        Ok(Reply::Error { .. }) => (),
        Err(message) => assert!(!message.is_empty()),
    }
}
