//! The page at `/` of a server that has nothing better to show there.

use std::fmt::Write;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

/// A line of the landing page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub path: String,
    /// What is found there.
    pub text: String,
}

impl Link {
    /// A link to `path` that says `text`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// A small page: a title, a sentence, links. Loads nothing, runs nothing.
pub fn landing(title: &str, sentence: &str, links: &[Link]) -> Response {
    let items = links.iter().fold(String::new(), |mut items, link| {
        let (path, text) = (escape(&link.path), escape(&link.text));
        let _ = writeln!(items, "<li><a href=\"{path}\">{path}</a> {text}</li>");
        items
    });
    let (title, sentence) = (escape(title), escape(sentence));
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font-family:sans-serif;margin:3em auto;max-width:40em;padding:0 1em}}</style>\n\
         <h1>{title}</h1>\n<p>{sentence}</p>\n<ul>\n{items}</ul>\n</html>\n"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// `text` for use in HTML, as content or within a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_escapes_the_escape(text in ".*") {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let back = escaped
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            prop_assert_eq!(back, text);
        }
    }
}
