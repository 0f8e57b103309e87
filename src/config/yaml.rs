//! The one place that knows which library reads YAML.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::node::{Entry, Node, Number, Position, Value};

/// Reads one YAML document. `no` and `on` are text, as YAML 1.2 has it.
///
/// # Errors
/// What the library says of text that is no YAML, and where.
pub(super) fn parse(text: &str) -> Result<Node, (Option<Position>, String)> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let raw: Raw = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = UserMessageFormatter.format_message(error.without_snippet());
        (error.location().and_then(position), one_line(&message))
    })?;
    Ok(raw.into_node(text))
}

/// The library's messages may span lines; a problem is one line.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn position(location: Location) -> Option<Position> {
    (location != Location::UNKNOWN)
        .then(|| Position { line: location.line(), column: location.column() })
}

/// The library's view of a node; [`Raw::into_node`] adds the spelling of scalars.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn into_node(self, text: &str) -> Node {
        let at = position(self.0.referenced);
        let spelling = spelling(text, self.0.defined);
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Bool(b) => Value::Bool(b, spelling.unwrap_or_else(|| b.to_string())),
            RawValue::Number(n) => Value::Number(n, spelling.unwrap_or_else(|| format!("{n:?}"))),
            RawValue::Text(text) => Value::Text(text),
            RawValue::List(items) => {
                Value::List(items.into_iter().map(|item| item.into_node(text)).collect())
            }
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key_at: position(key.referenced),
                        key: key.value,
                        node: value.into_node(text),
                    })
                    .collect(),
            ),
        };
        Node { at, value }
    }
}

/// The scalar as it stands in the file.
fn spelling(text: &str, location: Location) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?).map(|s| s.trim().to_owned())
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct RawVisitor;

        impl<'de> Visitor<'de> for RawVisitor {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<RawValue, E> {
                Ok(RawValue::Null)
            }

            fn visit_none<E>(self) -> Result<RawValue, E> {
                Ok(RawValue::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<RawValue, D::Error> {
                RawValue::deserialize(d)
            }

            fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
                Ok(RawValue::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
                Ok(RawValue::Number(Number::Signed(value)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
                Ok(RawValue::Number(Number::Unsigned(value)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
                Ok(RawValue::Number(Number::Float(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
                Ok(RawValue::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawValue, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(RawValue::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawValue::Map(entries))
            }
        }

        d.deserialize_any(RawVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_keep_place_and_spelling() {
        let root = parse("a: 0x10\nb:\n  - on\n  - true\nc: &x 1.50\nd: *x\n").expect("yaml");
        let text = |n: &Node| n.to_string();
        assert_eq!(text(root.get("a").expect("a")), "0x10");
        assert_eq!(text(root.get("c").expect("c")), "1.50");
        assert_eq!(text(root.get("d").expect("d")), "1.50");
        let Value::List(items) = &root.get("b").expect("b").value else { panic!("{root:?}") };
        assert_eq!(items[0].value, Value::Text("on".to_owned()));
        assert_eq!(items[1].value, Value::Bool(true, "true".to_owned()));
        assert_eq!(root.position("b[1]"), Some(Position { line: 4, column: 5 }));
        assert_eq!(root.position("b[7].x"), Some(Position { line: 3, column: 3 }));
    }

    #[test]
    fn numbers_keep_their_type() {
        let root = parse("[-1, 18446744073709551615, 0.5]").expect("yaml");
        let Value::List(items) = root.value else { panic!("no list") };
        let numbers: Vec<&Value> = items.iter().map(|n| &n.value).collect();
        assert!(matches!(numbers[0], Value::Number(Number::Signed(-1), _)));
        assert!(matches!(numbers[1], Value::Number(Number::Unsigned(u64::MAX), _)));
        assert!(matches!(numbers[2], Value::Number(Number::Float(0.5), _)));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in r#"([a-c]: |- |\n|  |\[|\{|"|&a |\*a|<<: |1e9|~|.){0,20}"#) {
            let _ = parse(&text);
        }
    }
}
