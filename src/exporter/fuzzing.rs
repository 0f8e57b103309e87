//! The writer of this room for `fuzz/`, with what must hold of it.

use super::write;

/// A label's value comes back from what was written of it.
pub fn label(value: &str) {
    let mut out = Vec::new();
    write::label("name", value, &mut out);
    let inner = out.strip_prefix(b"name=\"").and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inner) = inner else { panic!("not a label: {out:?}") };
    let mut plain = Vec::new();
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => plain.push(b'\n'),
                Some(escaped @ (b'\\' | b'"')) => plain.push(*escaped),
                other => panic!("not an escape: {other:?}"),
            },
            b'\n' | b'"' => panic!("not escaped: {out:?}"),
            other => plain.push(*other),
        }
    }
    assert_eq!(plain, value.as_bytes());
}
