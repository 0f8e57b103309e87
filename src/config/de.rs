//! From the tree of a document to typed settings. An error names the key and its place.

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Error, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::Problem;
use super::node::{Entry, Node, Number, Position, Value};

/// Reads a `T` from the tree.
///
/// # Errors
/// The first value that does not fit.
pub(super) fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Problem> {
    T::deserialize(node).map_err(|fault| {
        let fault = fault.at(node.at);
        Problem { at: fault.at, key: fault.path, message: fault.message }
    })
}

/// An error on its way up: each level adds its key, the lowest that knows it adds the place.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub(super) struct Fault {
    at: Option<Position>,
    path: String,
    message: String,
}

impl Fault {
    fn at(mut self, at: Option<Position>) -> Self {
        self.at = self.at.or(at);
        self
    }

    fn below(mut self, step: String) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl de::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { at: None, path: String::new(), message: message.to_string() }
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::custom(format!("expected {}, found {}", plain(expected), words(found)))
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(match nearest(field, expected) {
            Some(near) => format!("unknown key: did you mean {near}?"),
            None => format!("unknown key: expected one of {}", expected.join(", ")),
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let hint = nearest(variant, expected).map(|n| format!(": did you mean {n}?"));
        Self::custom(format!(
            "expected one of {}, found {variant:?}{}",
            expected.join(", "),
            hint.unwrap_or_default()
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("the key {field} is missing"))
    }
}

/// The candidate that `word` is most likely a slip of.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &str| strsim::jaro_winkler(word, candidate);
    candidates
        .iter()
        .copied()
        .filter(|candidate| likeness(candidate) > 0.8)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// Rust's types in the words of the file's reader.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "f64" => "a number".to_owned(),
        "u64" | "u32" | "usize" => "a whole number that is not negative".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a character" | "path string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping of keys to values".to_owned(),
        _ if text.starts_with("struct ") || text.starts_with("enum ") => {
            "a mapping of keys to values".to_owned()
        }
        _ => text,
    }
}

fn words(found: Unexpected) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value, _) => visitor.visit_bool(*value),
            Value::Number(Number::Signed(value), _) => visitor.visit_i64(*value),
            Value::Number(Number::Unsigned(value), _) => visitor.visit_u64(*value),
            Value::Number(Number::Float(value), _) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries::of(entries)),
        };
        value.map_err(|fault| fault.at(self.at))
    }

    /// Text may be written without quotes, whatever it looks like: `X-Scope-OrgID: 1`.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Bool(_, spelling) | Value::Number(_, spelling) => {
                visitor.visit_borrowed_str(spelling).map_err(|fault: Fault| fault.at(self.at))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.value == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// A section whose keys are all commented out is an empty one.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Null => visitor.visit_map(Entries::of(&[])),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // Serde would also read a list, field by field: nobody means that in a settings file.
        if let Value::List(_) = self.value {
            return Err(Fault::invalid_type(Unexpected::Seq, &visitor).at(self.at));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let value = match &self.value {
            Value::Text(text) => visitor.visit_enum(StrDeserializer::<Fault>::new(text)),
            Value::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries::of(entries)))
            }
            _ => {
                let expected = variants.join(", ");
                Err(Fault::custom(format!("expected one of {expected}, found {self}")))
            }
        };
        value.map_err(|fault| fault.at(self.at))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        let step = format!("[{}]", self.index);
        self.index += 1;
        seed.deserialize(node).map(Some).map_err(|fault| fault.at(node.at).below(step))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
}

impl<'de> Entries<'de> {
    fn of(entries: &'de [Entry]) -> Self {
        Self { entries: entries.iter(), current: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key = StrDeserializer::<Fault>::new(&entry.key);
        seed.deserialize(key)
            .map(Some)
            .map_err(|fault| fault.at(entry.key_at).below(entry.key.clone()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some(entry) = self.current else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        seed.deserialize(&entry.node).map_err(|fault| fault.at(entry.at()).below(entry.key.clone()))
    }
}
