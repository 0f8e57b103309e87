//! What `deny.toml` says of dependencies, held by `cargo metadata` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::source;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// All packages of the build on Linux, ours left out.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    let others: Vec<Value> = packages.into_iter().filter(|p| p["name"] != "loadline").collect();
    assert!(others.len() > 50, "cargo metadata lists the dependencies: found {}", others.len());
    others
}

fn deny_toml() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).expect("deny.toml")
}

/// The first quoted text of each line of the list `name = [ … ]` in deny.toml.
fn list(text: &str, name: &str) -> BTreeSet<String> {
    let start = text.find(&format!("\n{name} = [\n")).expect(name);
    let body = &text[start..];
    let body = &body[..body.find("\n]").expect("the list ends")];
    body.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

fn names(package: &Value) -> String {
    format!(
        "{} {}",
        package["name"].as_str().unwrap_or("?"),
        package["version"].as_str().unwrap_or("?")
    )
}

#[test]
fn licences_are_allowed() {
    let allowed = list(&deny_toml(), "allow");
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|p| !p["license"].as_str().is_some_and(|l| permits(l, &allowed)))
        .map(|p| format!("{}: {}", names(p), p["license"]))
        .collect();
    assert!(wrong.is_empty(), "licences outside deny.toml's list:\n{}", wrong.join("\n"));
}

#[test]
fn sources_are_crates_io() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|p| p["source"] != CRATES_IO)
        .map(|p| format!("{}: {}", names(p), p["source"]))
        .collect();
    assert!(wrong.is_empty(), "not from crates.io:\n{}", wrong.join("\n"));
}

#[test]
fn banned_crates_are_absent() {
    let banned = list(&deny_toml(), "deny");
    assert!(banned.contains("openssl-sys"), "deny.toml's list was read: {banned:?}");
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|p| p["name"].as_str().is_some_and(|name| banned.contains(name)))
        .map(names)
        .collect();
    assert!(wrong.is_empty(), "banned by deny.toml: {}", wrong.join(", "));
}

/// Whether an SPDX expression can be met with `allowed` licences. The old `MIT/Apache-2.0` means OR.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let holds = any(&mut words, allowed);
    holds && words.is_empty()
}

/// `all (OR all)*`; `words` is a stack, the next word last.
fn any(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut holds = all(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        holds |= all(words, allowed);
    }
    holds
}

/// `one (AND one)*`.
fn all(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        holds &= one(words, allowed);
    }
    holds
}

/// A licence, with its exception, or an expression in parentheses.
fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    match words.pop() {
        Some("(") => any(words, allowed) & (words.pop() == Some(")")),
        Some(licence) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().unwrap_or_default();
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        Some(licence) => allowed.contains(licence),
        None => false,
    }
}

#[test]
fn licence_expressions_are_read_as_spdx() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "ISC"].map(str::to_owned).into();
    for good in ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-2.0", "(GPL-3.0 OR MIT) AND ISC", "ISC AND MIT"]
    {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "Apache-2.0 WITH LLVM-exception",
        "MIT)",
        "",
    ] {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}

/// The names under `[dependencies]` and `[dev-dependencies]` of Cargo.toml.
fn direct() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = ["[dependencies]", "[dev-dependencies]"].contains(&line.trim());
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
            names.insert(name.to_owned());
        }
    }
    assert!(
        names.contains("tokio") && names.contains("proptest"),
        "Cargo.toml was read: {names:?}"
    );
    names
}

/// What nobody uses is not built.
#[test]
fn each_dependency_is_used() {
    let mut used = BTreeSet::new();
    for folder in ["src", "tests", "benches"] {
        for file in source::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            used.extend(file.idents_everywhere().map(str::to_owned));
        }
    }
    let unused: Vec<String> =
        direct().into_iter().filter(|name| !used.contains(&name.replace('-', "_"))).collect();
    assert!(unused.is_empty(), "in Cargo.toml and nowhere else: {unused:?}");
}

/// docs/dependencies.md says of each why it is here, and under which licence.
#[test]
fn each_dependency_has_its_reason() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dependencies.md"));
    let document = document.expect("docs/dependencies.md");
    // | `name` | licence | why | rejected |
    let rows: BTreeMap<&str, Vec<&str>> = document
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
            Some((name, cells))
        })
        .collect();
    let documented: BTreeSet<String> = rows.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(documented, direct(), "the tables of docs/dependencies.md and Cargo.toml");
    let packages = packages();
    for (name, cells) in rows {
        let licence = licence(&packages, name).replace('/', " OR ");
        assert_eq!(cells[2], licence, "the licence of {name}");
        assert!(cells[3].len() > 10, "{name}: why");
    }
}

/// The licence of a package; of its highest version, where there are several.
fn licence<'a>(packages: &'a [Value], name: &str) -> &'a str {
    let version = |package: &Value| -> Vec<u64> {
        let text = package["version"].as_str().unwrap_or_default();
        text.split('.').filter_map(|number| number.parse().ok()).collect()
    };
    let package = packages.iter().filter(|p| p["name"] == name).max_by_key(|p| version(p));
    package.unwrap_or_else(|| panic!("{name} is in the build"))["license"]
        .as_str()
        .unwrap_or_default()
}
