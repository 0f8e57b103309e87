//! Rust source as the architecture tests see it: tokens, so that comments and strings say nothing.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file under `src/`.
pub struct SourceFile {
    /// As in `src/guard/step.rs`.
    pub path: String,
    /// The first folder or file name under `src`: `guard`.
    pub room: String,
    text: String,
    paths: Vec<Named>,
    idents: Vec<Named>,
    children: Vec<(String, Named)>,
    test_lines: BTreeSet<usize>,
}

/// A name, the line it stands in, and whether that is test code.
#[derive(Clone)]
struct Named {
    name: String,
    line: usize,
    in_test: bool,
}

impl SourceFile {
    /// Reads one file's text.
    pub fn parse(path: &str, text: &str) -> Self {
        let inside: Vec<&str> =
            path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
        let modules = inside.iter().filter(|name| !["mod", "lib", "main"].contains(name)).count();
        let mut file = Self {
            path: path.to_owned(),
            room: inside[0].to_owned(),
            text: text.to_owned(),
            paths: Vec::new(),
            idents: Vec::new(),
            children: Vec::new(),
            test_lines: BTreeSet::new(),
        };
        let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        // `#[cfg(test)] mod tests;` has a file of its own.
        let is_tests = inside.contains(&"tests");
        if is_tests {
            file.test_lines.extend(1..=text.lines().count());
        }
        file.walk(tokens, modules, is_tests);
        file
    }

    /// The first names of all paths from the root of the crate, test code included.
    pub fn crate_paths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.paths.iter().map(|n| (n.name.as_str(), n.line))
    }

    /// All identifiers outside tests.
    pub fn idents(&self) -> impl Iterator<Item = (&str, usize)> {
        self.idents.iter().filter(|n| !n.in_test).map(|n| (n.name.as_str(), n.line))
    }

    /// All identifiers, those of tests too.
    pub fn idents_everywhere(&self) -> impl Iterator<Item = &str> {
        self.idents.iter().map(|n| n.name.as_str())
    }

    /// The names that follow `parent::` outside tests.
    pub fn children_of<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = (&'a str, usize)> {
        self.children
            .iter()
            .filter(move |(p, n)| p == parent && !n.in_test)
            .map(|(_, n)| (n.name.as_str(), n.line))
    }

    /// Lines that hold code, outside tests.
    pub fn code_lines(&self) -> usize {
        self.text
            .lines()
            .enumerate()
            .filter(|(i, _)| !self.test_lines.contains(&(i + 1)))
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
            .count()
    }

    /// `depth` is the number of modules between here and the root of the crate.
    fn walk(&mut self, tokens: TokenStream, depth: usize, in_test: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut i = 0;
        while i < tokens.len() {
            match &tokens[i] {
                TokenTree::Ident(ident) if *ident == "mod" => {
                    if let Some(TokenTree::Group(body)) = tokens.get(i + 2) {
                        let test = in_test || (i > 0 && is_cfg_test(&tokens[i - 1]));
                        if test {
                            let end = body.span_close().end().line;
                            let first = if i > 1 { i - 2 } else { i };
                            self.test_lines.extend(tokens[first].span().start().line..=end);
                        }
                        self.walk(body.stream(), depth + 1, test);
                        i += 3;
                        continue;
                    }
                }
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let line = ident.span().start().line;
                    for child in children(&tokens, i) {
                        self.children.push((name.clone(), Named { in_test, ..child }));
                    }
                    let supers = if name == "super" { chain(&tokens, i) } else { 0 };
                    if name == "crate" {
                        self.paths.extend(children(&tokens, i));
                    } else if supers == depth && supers > 0 {
                        self.paths.extend(children(&tokens, i + 3 * (supers - 1)));
                    }
                    self.idents.push(Named { name, line, in_test });
                    i += if supers > 1 { 3 * (supers - 1) } else { 0 };
                }
                TokenTree::Group(group) => self.walk(group.stream(), depth, in_test),
                _ => {}
            }
            i += 1;
        }
    }
}

/// How many `super`, joined by `::`, begin at `i`.
fn chain(tokens: &[TokenTree], i: usize) -> usize {
    let is_super = |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Ident(x)) if *x == "super");
    (0..).take_while(|n| is_super(tokens.get(i + 3 * n))).count()
}

/// The names right after the `::` that follows the token at `i`: one, or those of a group in braces.
fn children(tokens: &[TokenTree], i: usize) -> Vec<Named> {
    let colon =
        |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    if !colon(tokens.get(i + 1)) || !colon(tokens.get(i + 2)) {
        return Vec::new();
    }
    let named = |ident: &proc_macro2::Ident| Named {
        name: ident.to_string(),
        line: ident.span().start().line,
        in_test: false,
    };
    match tokens.get(i + 3) {
        Some(TokenTree::Ident(ident)) => vec![named(ident)],
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut found = Vec::new();
            let mut first = true;
            for token in group.stream() {
                match token {
                    TokenTree::Ident(ident) if first => found.push(named(&ident)),
                    TokenTree::Punct(p) if p.as_char() == ',' => {
                        first = true;
                        continue;
                    }
                    _ => {}
                }
                first = false;
            }
            found
        }
        _ => Vec::new(),
    }
}

fn is_cfg_test(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(g) if g.to_string().replace(' ', "") == "[cfg(test)]")
}

/// All Rust files under the folder `root`, named as if it were `src`.
pub fn read_all(root: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = format!("src/{}", path.strip_prefix(root).unwrap().display());
                files.push(SourceFile::parse(&name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}
