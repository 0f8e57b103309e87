//! File → text → tree → settings, with every problem named by its place.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::node::{Node, Position};
use super::{Config, Detection, Guard, Policy, Prometheus, de, validate, yaml};

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

impl Problem {
    /// What goes between the file's name and the key or a further word: `:LINE:COLUMN`, or nothing.
    pub fn place(&self) -> String {
        self.at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default()
    }
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
    /// `message` about the file as a whole.
    pub fn whole(file: &str, message: String) -> Self {
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
    parse(&read_text(path)?, &path.display().to_string())
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let fail = |message| ConfigError::whole(&name, message);
    let size = fs::metadata(path).map_err(|e| fail(format!("cannot read: {e}")))?.len();
    if size > MAX_FILE_BYTES as u64 {
        return Err(fail(format!(
            "expected at most {MAX_FILE_BYTES} bytes of settings, found {size}"
        )));
    }
    utf8(fs::read(path).map_err(|e| fail(format!("cannot read: {e}")))?, &name)
}

/// The text of a settings file, which is UTF-8.
pub(super) fn utf8(bytes: Vec<u8>, name: &str) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|e| {
        let offset = e.utf8_error().valid_up_to();
        let message = format!("expected UTF-8, found another byte at offset {offset}");
        ConfigError::whole(name, message)
    })
}

/// Validates the settings in `text`; `name` stands for the file in errors.
///
/// What a rule's own `policy` and `guard` leave open is taken, key by key, from the global ones, and
/// what those leave open from the defaults. Afterwards each is whole.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    let mut root = root(text, name)?;
    inherit(&mut root);
    let config: Config = de::from_node(&root).map_err(|problem| refused(name, vec![problem]))?;
    let problems = validate::problems(&config, &root);
    if problems.is_empty() { Ok(config) } else { Err(refused(name, problems)) }
}

/// What a look at the past needs of a settings file: no targets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectionFile {
    /// Where the data come from.
    pub prometheus: Option<Prometheus>,
    /// How the unusual is found.
    pub detection: Detection,
}

/// Reads the sections `prometheus` and `detection` of the settings in the file at `path`. A file with
/// targets is read and validated as a whole; one without may hold these two sections only, or one of
/// them, or nothing.
///
/// # Errors
/// As [`load`].
pub fn load_detection(path: &Path) -> Result<DetectionFile, ConfigError> {
    parse_detection(&read_text(path)?, &path.display().to_string())
}

fn parse_detection(text: &str, name: &str) -> Result<DetectionFile, ConfigError> {
    let root = root(text, name)?;
    if root.get("targets").is_some() {
        let Config { prometheus, detection, .. } = parse(text, name)?;
        return Ok(DetectionFile { prometheus: Some(prometheus), detection });
    }
    let file: DetectionFile =
        de::from_node(&root).map_err(|problem| refused(name, vec![problem]))?;
    let problems = validate::detection_file_problems(&file, &root);
    if problems.is_empty() { Ok(file) } else { Err(refused(name, problems)) }
}

/// What a simulation needs of a settings file: no targets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyFile {
    /// Where the data come from.
    pub prometheus: Option<Prometheus>,
    /// How a size is chosen.
    pub policy: Option<Policy>,
    /// What a change must pass.
    pub guard: Option<Guard>,
}

/// Reads the sections `prometheus`, `policy` and `guard` of the settings in the file at `path`, of which
/// each may be missing; a file with targets is read and validated as a whole.
///
/// # Errors
/// As [`load`].
pub fn load_policy(path: &Path) -> Result<PolicyFile, ConfigError> {
    parse_policy(&read_text(path)?, &path.display().to_string())
}

fn parse_policy(text: &str, name: &str) -> Result<PolicyFile, ConfigError> {
    let mut root = root(text, name)?;
    if root.get("targets").is_some() {
        let Config { prometheus, policy, guard, .. } = parse(text, name)?;
        return Ok(PolicyFile { prometheus: Some(prometheus), policy, guard });
    }
    inherit(&mut root);
    let file: PolicyFile = de::from_node(&root).map_err(|problem| refused(name, vec![problem]))?;
    let problems = validate::policy_file_problems(&file, &root);
    if problems.is_empty() { Ok(file) } else { Err(refused(name, problems)) }
}

fn root(text: &str, name: &str) -> Result<Node, ConfigError> {
    yaml::parse(text)
        .map_err(|(at, message)| refused(name, vec![Problem { at, key: String::new(), message }]))
}

fn refused(name: &str, problems: Vec<Problem>) -> ConfigError {
    ConfigError { file: name.to_owned(), problems }
}

/// Fills in what policies and guards leave open.
fn inherit(root: &mut Node) {
    if let Some(policy) = root.get_mut("policy") {
        *policy = with_defaults(policy);
    }
    let (policy, guard) = (root.get("policy").cloned(), root.get("guard").cloned());
    let Some(rules) = root.get_mut("targets") else {
        return;
    };
    for rule in rules.items_mut() {
        if let Some(own) = rule.get_mut("policy") {
            // A policy of another kind shares no keys: it inherits nothing.
            *own = match policy.as_ref().filter(|policy| kind(policy) == kind(own)) {
                Some(policy) => policy.overlaid_with(own),
                None => with_defaults(own),
            };
        }
        if let (Some(own), Some(guard)) = (rule.get_mut("guard"), &guard) {
            *own = guard.overlaid_with(own);
        }
    }
}

/// The name under which a policy stands.
fn kind(policy: &Node) -> Option<&str> {
    policy.keys().next()
}

/// A policy with what it leaves open.
fn with_defaults(policy: &Node) -> Node {
    let default = kind(policy).and_then(Policy::named).map(serde_json::to_value);
    match default.and_then(Result::ok).map(Node::from_json) {
        Some(default) if kind(&default) == kind(policy) => default.overlaid_with(policy),
        _ => policy.clone(),
    }
}

#[cfg(test)]
mod tests;
