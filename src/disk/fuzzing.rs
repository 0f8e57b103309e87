//! The parser of this room for `fuzz/`, with what must hold of it.

use super::mounts::{self, Root};

/// A mount table of a container and of the host: the text up to its first empty line, and the rest.
pub fn mounts(text: &[u8]) {
    let end = text.windows(2).position(|two| two == b"\n\n").unwrap_or(text.len());
    let (table, host) = (mounts::parse(&text[..end]), mounts::parse(&text[end..]));
    let Some(root) = mounts::root(&table, &host) else { return };
    match root {
        Root::Layer(layer) => {
            assert!(layer.is_absolute());
            if let Some(source) = mounts::source(&layer, &host) {
                assert!(host.iter().any(|mount| mount.source == source));
            }
        }
        Root::Own(source) => assert!(table.iter().any(|mount| mount.source == source)),
    }
}
