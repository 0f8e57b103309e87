//! The form of saved models: header, content, checksum.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `loadline ` and the kind, filled with zero bytes |
//! | 4 | version of the format, little-endian |
//! | 8 | length of the content, little-endian |
//! | … | content, in postcard's encoding |
//! | 32 | SHA-256 of everything before it |

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::DetectError;

/// Raised with every change of anything that is encoded.
const VERSION: u32 = 2;

const MAGIC_BYTES: usize = 16;
const HEADER_BYTES: usize = MAGIC_BYTES + 4 + 8;
const CHECKSUM_BYTES: usize = 32;

/// The bytes of a file of this kind.
pub fn seal<T: Serialize>(kind: &'static str, content: &T) -> Result<Vec<u8>, DetectError> {
    let mut bytes = magic(kind).to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    // Behind its header at once: of thousands of targets it is hundreds of megabytes.
    let mut bytes = postcard::to_extend(content, bytes)
        .map_err(|error| DetectError::Encoding { kind, reason: error.to_string() })?;
    let length = (bytes.len() - HEADER_BYTES) as u64;
    bytes[HEADER_BYTES - size_of::<u64>()..HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
    bytes.extend(Sha256::digest(&bytes));
    Ok(bytes)
}

/// The content of a file of this kind, once its kind, version, length and checksum are right.
pub fn open<T: DeserializeOwned>(kind: &'static str, bytes: &[u8]) -> Result<T, DetectError> {
    if !magic(kind).starts_with(&bytes[..bytes.len().min(MAGIC_BYTES)]) {
        return Err(DetectError::NotThisKind { kind });
    }
    let length = |expected: u64| DetectError::Length { kind, expected, found: bytes.len() as u64 };
    let smallest = HEADER_BYTES + CHECKSUM_BYTES;
    let rest = bytes.get(MAGIC_BYTES..).ok_or(length(smallest as u64))?;
    let (version, rest) = rest.split_first_chunk().ok_or(length(smallest as u64))?;
    let found = u32::from_le_bytes(*version);
    if found != VERSION {
        return Err(DetectError::Version { kind, found, expected: VERSION });
    }
    let (announced, rest) = rest.split_first_chunk().ok_or(length(smallest as u64))?;
    let expected = u64::from_le_bytes(*announced).saturating_add(smallest as u64);
    let (content, checksum) = rest.split_last_chunk::<CHECKSUM_BYTES>().ok_or(length(expected))?;
    if expected != bytes.len() as u64 {
        return Err(length(expected));
    }
    let damaged = |reason| DetectError::Damaged { kind, reason };
    if Sha256::digest(&bytes[..bytes.len() - CHECKSUM_BYTES])[..] != checksum[..] {
        return Err(damaged("its checksum does not fit"));
    }
    postcard::from_bytes(content).map_err(|_| damaged("its content cannot be read"))
}

fn magic(kind: &str) -> [u8; MAGIC_BYTES] {
    let mut magic = [0; MAGIC_BYTES];
    for (to, from) in magic.iter_mut().zip(b"loadline ".iter().chain(kind.as_bytes())) {
        *to = *from;
    }
    magic
}
