//! The parsers of this room for `fuzz/`, with what must hold of them.

use super::mount::{hierarchies, unescape};
use super::{Reading, v1, v2};

/// A file of a cgroup: number `which` of all that are known, with this text.
pub fn file(which: u8, text: &[u8]) {
    let files: Vec<_> = v1::FILES.iter().chain(v2::FILES).collect();
    let file = files[usize::from(which) % files.len()];
    let read = || {
        let mut reading = Reading::default();
        let done = (file.parse)(text, &mut reading);
        reading.finish();
        (done, reading)
    };
    let (done, reading) = read();
    assert_eq!((&done, &reading), (&read().0, &read().1), "{}: not the same twice", file.name());
    if let Err(bad) = done {
        assert!(bad.line >= 1 && bad.line <= text.split(|b| *b == b'\n').count());
    }
    // A reading that is used again shows nothing of its former text.
    let mut used = reading;
    used.clear();
    used.finish();
    assert_eq!(used, Reading::default());
}

/// A mount table.
pub fn mounts(text: &[u8]) {
    assert!(hierarchies(text).len() <= text.split(|b| *b == b'\n').count());
    let plain = unescape(text);
    assert!(plain.len() <= text.len());
    if !text.contains(&b'\\') {
        assert_eq!(plain, text);
    }
}
