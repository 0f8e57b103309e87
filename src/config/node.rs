//! A document as a tree of values that remember where they stand.

use std::fmt;

/// A place in a file: line and column, counted from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// A value and its place; `None` for what no file says, such as a default.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: Option<Position>,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    /// A scalar of a type of its own, and its spelling: `8080` can also be meant as text.
    Bool(bool, String),
    Number(Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub key_at: Option<Position>,
    pub node: Node,
}

impl Entry {
    /// Where to look for what is wrong with the value. A value that is left out has no place.
    pub fn at(&self) -> Option<Position> {
        if self.node.value == Value::Null { self.key_at } else { self.node.at }
    }
}

impl Node {
    /// The tree of a JSON value, without places.
    pub fn from_json(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(b, b.to_string()),
            Json::Number(n) => {
                let number = match (n.as_u64(), n.as_i64()) {
                    (Some(unsigned), _) => Number::Unsigned(unsigned),
                    (None, Some(signed)) => Number::Signed(signed),
                    (None, None) => Number::Float(n.as_f64().unwrap_or(f64::NAN)),
                };
                Value::Number(number, n.to_string())
            }
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(items.into_iter().map(Self::from_json).collect()),
            Json::Object(map) => Value::Map(
                map.into_iter()
                    .map(|(key, value)| Entry { key, key_at: None, node: Self::from_json(value) })
                    .collect(),
            ),
        };
        Self { at: None, value }
    }

    /// The value under `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        }
    }

    /// The value under `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|e| e.key == key).map(|e| &mut e.node),
            _ => None,
        }
    }

    /// The keys of a mapping; none of anything else.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.value {
            Value::Map(entries) => &entries[..],
            _ => &[],
        };
        entries.iter().map(|e| e.key.as_str())
    }

    /// The items of a list; none of anything else.
    pub fn items_mut(&mut self) -> &mut [Self] {
        match &mut self.value {
            Value::List(items) => items,
            _ => &mut [],
        }
    }

    /// `top`, with what it leaves open taken from `self`, key by key.
    pub fn overlaid_with(&self, top: &Self) -> Self {
        let (Value::Map(base), Value::Map(over)) = (&self.value, &top.value) else {
            return if top.value == Value::Null { self.clone() } else { top.clone() };
        };
        let mut entries = over.clone();
        for entry in &mut entries {
            if let Some(inherited) = self.get(&entry.key) {
                entry.node = inherited.overlaid_with(&entry.node);
            }
        }
        entries.extend(base.iter().filter(|e| top.get(&e.key).is_none()).cloned());
        Self { at: top.at, value: Value::Map(entries) }
    }

    /// The place of the value that `path` (`targets[1].scale.cpu`) names; of the nearest one above it
    /// where the file does not say that one.
    pub fn position(&self, path: &str) -> Option<Position> {
        let mut node = self;
        let mut at = self.at;
        for step in path.split(['.', '[']) {
            let next = match (&node.value, step.strip_suffix(']')) {
                (Value::List(items), Some(index)) => {
                    index.parse().ok().and_then(|i: usize| items.get(i)).map(|n| (n, n.at))
                }
                (Value::Map(entries), None) => {
                    entries.iter().find(|e| e.key == step).map(|e| (&e.node, e.at()))
                }
                _ => None,
            };
            let Some((below, place)) = next else {
                break;
            };
            node = below;
            at = place.or(at);
        }
        at
    }
}

/// What was found, in plain words.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("nothing"),
            Value::Bool(_, text) | Value::Number(_, text) => f.write_str(text),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a mapping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_overlay_keeps_what_the_top_leaves_open() {
        let base = Node::from_json(json!({"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}));
        let top = Node::from_json(json!({"a": {"x": 5}, "b": [9], "c": null}));
        let expected = Node::from_json(json!({"a": {"x": 5, "y": 2}, "b": [9], "c": 3}));
        assert_eq!(base.overlaid_with(&top), expected);
    }
}
