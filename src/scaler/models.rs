//! Model files: one a rule, beside the journal, so that a restarted scaler scores at once.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::engine::{Engine, RuleModels};

/// The folder of the model files within that of the journal.
fn folder(state: &Path) -> PathBuf {
    state.join("models")
}

/// Loads the saved models of every rule. A file that is damaged, or of another version, or for other
/// features, is left alone with a warning: its rule learns anew.
pub fn load(state: &Path, engine: &mut Engine) {
    let rules: Vec<_> = engine.rules().map(|(rule, _, _)| rule.clone()).collect();
    for rule in rules {
        let path = file(state, &rule);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!("{}: cannot be read, learning anew: {error}", path.display());
                continue;
            }
        };
        match engine.load_models(&rule, &bytes) {
            Ok(()) => tracing::info!(rule = %rule, "models loaded from {}", path.display()),
            Err(error) => tracing::warn!("{}: not used, learning anew: {error}", path.display()),
        }
    }
}

/// Saves the models of every rule, each file whole or not at all.
pub fn save(state: &Path, models: Vec<RuleModels>) {
    for (rule, bytes) in models {
        let path = file(state, &rule);
        if let Err(error) = write(&path, &bytes) {
            tracing::warn!("{}: models not saved: {error}", path.display());
        }
    }
}

fn file(state: &Path, rule: &str) -> PathBuf {
    folder(state).join(format!("{rule}.model"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension("new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&temporary, path)
}
