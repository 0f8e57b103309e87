//! The labels of a series of an answer.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::target::Labels;

/// Names and values as they came, in one piece of memory: an answer has ten thousand of these, most are
/// looked at once, and a map of texts would take seven pieces each.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SeriesLabels {
    /// Name, value, name, value, …: each is its length in bytes, as a `u32`, and its text.
    packed: Vec<u8>,
}

/// How many bytes the labels of most series take.
const USUAL_BYTES: usize = 192;

impl SeriesLabels {
    /// The value of the label `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parts().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| text(value))
    }

    /// Every name with its value, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts().map(|(name, value)| (text(name), text(value)))
    }

    fn parts(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.packed.as_slice();
        std::iter::from_fn(move || Some((next(&mut rest)?, next(&mut rest)?)))
    }
}

/// The next piece of text; what is left begins after it.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(text)
}

/// The bytes came from text, so they are text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl From<SeriesLabels> for Labels {
    fn from(labels: SeriesLabels) -> Self {
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl fmt::Debug for SeriesLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'de> Deserialize<'de> for SeriesLabels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct LabelsVisitor;

        impl<'de> Visitor<'de> for LabelsVisitor {
            type Value = SeriesLabels;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("labels as an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SeriesLabels, A::Error> {
                let mut packed = Vec::with_capacity(USUAL_BYTES);
                while map.next_key_seed(Append(&mut packed))?.is_some() {
                    map.next_value_seed(Append(&mut packed))?;
                }
                Ok(SeriesLabels { packed })
            }
        }

        d.deserialize_map(LabelsVisitor)
    }
}

/// Adds one piece of text.
struct Append<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Append<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Append<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let length = u32::try_from(text.len()).map_err(|_| E::custom("a label of 4 GiB"))?;
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_objects_of_texts() {
        let labels: SeriesLabels = serde_json::from_str(r#"{"b":"1","a":""}"#).expect("labels");
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("b", "1"), ("a", "")]);
        assert_eq!((labels.get("a"), labels.get("c")), (Some(""), None));
        assert_eq!(format!("{labels:?}"), r#"{"b": "1", "a": ""}"#);
        for bad in ["[]", r#"{"a":1}"#, r#"{"a":null}"#, "7"] {
            assert!(serde_json::from_str::<SeriesLabels>(bad).is_err(), "{bad} was accepted");
        }
    }

    proptest! {
        #[test]
        fn any_labels_survive(labels: Labels) {
            let json = serde_json::to_string(&labels).expect("json");
            let read: SeriesLabels = serde_json::from_str(&json).expect("labels");
            for (name, value) in &labels {
                prop_assert_eq!(read.get(name), Some(value.as_str()));
            }
            prop_assert_eq!(Labels::from(read), labels);
        }
    }
}
