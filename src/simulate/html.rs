//! A page that needs nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1f2937;max-width:1100px;\
margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0;font-size:13px}\
th,td{padding:.25em .6em;border-bottom:1px solid #e5e7eb;text-align:right}\
th:first-child,td:first-child,.text{text-align:left}\
th{border-bottom:2px solid #9ca3af}img{max-width:100%}dt{font-weight:600}dd{margin:0 0 .6em 1.5em}\
figure{margin:1.5em 0}figcaption{color:#6b7280}.scroll{overflow-x:auto}";

/// The page with this heading, a text, over `body`, which is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A picture that stands in the page itself.
pub(super) fn image(name: &str, png: &[u8]) -> String {
    let data = STANDARD.encode(png);
    format!("<img alt=\"{name}\" src=\"data:image/png;base64,{data}\">")
}

/// `text` as HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
