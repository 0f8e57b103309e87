//! File → text → tree → settings, with every problem named by its place.

use std::fmt;
use std::fs;
use std::path::Path;

use super::node::{Node, Position};
use super::{Config, Policy, de, validate, yaml};

/// Larger settings files are refused unread.
const MAX_FILE_BYTES: usize = 4 << 20;

/// One thing that is wrong with a settings file, or may turn out to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where; `None` where it concerns the file as a whole.
    pub at: Option<Position>,
    /// The key, as in `targets[0].scale.cpu.min`; empty for the file as a whole.
    pub key: String,
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{}:{}: ", at.line, at.column)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a settings file is refused: at least one problem. Its text is one line a problem,
/// `FILE:LINE:COLUMN: KEY: MESSAGE`.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    fn whole(file: &str, message: String) -> Self {
        let problem = Problem { at: None, key: String::new(), message };
        Self { file: file.to_owned(), problems: vec![problem] }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let colon = if problem.at.is_some() { ":" } else { ": " };
            write!(f, "{}{}{colon}{problem}", if i > 0 { "\n" } else { "" }, self.file)?;
        }
        Ok(())
    }
}

/// Reads and validates the settings in the file at `path`.
///
/// # Errors
/// A file that cannot be read, is no YAML, does not fit, or holds values that contradict each other.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    let fail = |message| ConfigError::whole(&name, message);
    let size = fs::metadata(path).map_err(|e| fail(format!("cannot read: {e}")))?.len();
    if size > MAX_FILE_BYTES as u64 {
        return Err(fail(format!(
            "expected at most {MAX_FILE_BYTES} bytes of settings, found {size}"
        )));
    }
    let bytes = fs::read(path).map_err(|e| fail(format!("cannot read: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        fail(format!("expected UTF-8, found another byte at {}", e.utf8_error().valid_up_to()))
    })?;
    parse(&text, &name)
}

/// Validates the settings in `text`; `name` stands for the file in errors.
///
/// What a rule's own `policy` and `guard` leave open is taken, key by key, from the global ones, and
/// what those leave open from the defaults. Afterwards each is whole.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    let refused = |problems| ConfigError { file: name.to_owned(), problems };
    let mut root = yaml::parse(text)
        .map_err(|(at, message)| refused(vec![Problem { at, key: String::new(), message }]))?;
    inherit(&mut root);
    let config: Config = de::from_node(&root).map_err(|problem| refused(vec![problem]))?;
    let problems = validate::problems(&config, &root);
    if problems.is_empty() { Ok(config) } else { Err(refused(problems)) }
}

/// Fills in what policies and guards leave open.
fn inherit(root: &mut Node) {
    let default = serde_json::to_value(Policy::default()).map(Node::from_json).ok();
    let policy = match (default, root.get("policy")) {
        (Some(default), Some(policy)) => Some(overlay_policy(&default, policy)),
        (default, None) => default,
        (None, policy) => policy.cloned(),
    };
    let guard = root.get("guard").cloned();
    if let (Some(node), Some(policy)) = (root.get_mut("policy"), &policy) {
        *node = policy.clone();
    }
    let Some(rules) = root.get_mut("targets") else {
        return;
    };
    for rule in rules.items_mut() {
        if let (Some(own), Some(policy)) = (rule.get_mut("policy"), &policy) {
            *own = overlay_policy(policy, own);
        }
        if let (Some(own), Some(guard)) = (rule.get_mut("guard"), &guard) {
            *own = guard.overlaid_with(own);
        }
    }
}

/// A policy of another kind shares no keys: it inherits nothing.
fn overlay_policy(base: &Node, own: &Node) -> Node {
    let same_kind = own.keys().all(|kind| base.get(kind).is_some());
    if same_kind { base.overlaid_with(own) } else { own.clone() }
}
