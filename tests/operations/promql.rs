//! As much of PromQL as is needed to find the names of the metrics in an expression.

use std::collections::BTreeSet;

/// Words that are no metrics; functions are told by their parenthesis, which aggregations may put off.
const WORDS: [&str; 27] = [
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "start",
    "end",
    "inf",
    "nan",
    "sum",
    "min",
    "max",
    "avg",
    "count",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
];

/// The names of the metrics in `expression`: the names that are no keyword, no function and no label.
pub fn metric_names(expression: &str) -> BTreeSet<String> {
    let chars: Vec<char> = expression.chars().collect();
    let mut names = BTreeSet::new();
    let mut i = 0;
    while i < chars.len() {
        i = match chars[i] {
            '{' => skip(&chars, i, '}'),
            '[' => skip(&chars, i, ']'),
            '"' | '\'' | '`' => skip_quoted(&chars, i),
            c if c.is_ascii_digit() => end_of_word(&chars, i),
            c if is_name(c) => {
                let end = end_of_word(&chars, i);
                let name: String = chars[i..end].iter().collect();
                let next = chars[end..].iter().position(|c| !c.is_whitespace()).map(|n| end + n);
                let called = next.is_some_and(|n| chars[n] == '(');
                let takes_labels = ["by", "without", "on", "ignoring", "group_left", "group_right"];
                match next {
                    Some(n) if called && takes_labels.contains(&name.as_str()) => {
                        skip(&chars, n, ')')
                    }
                    _ => {
                        if !called && !WORDS.contains(&name.as_str()) {
                            names.insert(name);
                        }
                        end
                    }
                }
            }
            _ => i + 1,
        };
    }
    names
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn end_of_word(chars: &[char], start: usize) -> usize {
    let length = chars[start..].iter().take_while(|c| is_name(**c) || **c == '.').count();
    start + length
}

/// Just after the `close` that ends what begins at `start`. Quotes may hold anything.
fn skip(chars: &[char], start: usize, close: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != close {
        i = if matches!(chars[i], '"' | '\'' | '`') { skip_quoted(chars, i) } else { i + 1 };
    }
    i + 1
}

fn skip_quoted(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != chars[start] {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

#[test]
fn names_are_found() {
    let names =
        |expression: &str| metric_names(expression).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(r#"sum by (job, name) (rate(a_total{x="}b", y=~'c'}[1m])) / (d > 0.25)"#),
        "a_total d"
    );
    assert_eq!(names("a:b:c unless on (x) d offset 5m or vector(0)"), "a:b:c d");
    assert_eq!(names("1e3 * x + group_left(y) z[5m:1m]"), "x z");
    assert_eq!(names(r#"label_replace(up{a=""}, "b", "$1", "c", "(.+)") == 1"#), "up");
}
