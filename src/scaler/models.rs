//! Model files: one a rule, beside the journal, so that a restarted scaler scores at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::RuleModels;
use crate::detect::DetectError;

/// The model files of all rules.
pub struct ModelFiles {
    folder: PathBuf,
    /// Rules whose file was refused. It may be the only copy of weeks of learning, so it stays as it is
    /// until somebody has looked at it.
    refused: BTreeSet<Arc<str>>,
    /// Save over refused files too.
    force: bool,
}

impl ModelFiles {
    /// Those in the folder of the journal.
    pub fn new(state: &Path, force: bool) -> Self {
        Self { folder: state.join("models"), refused: BTreeSet::new(), force }
    }

    /// Gives every rule its saved models. A file that is damaged, or of another version, or for other
    /// features, is left alone with a warning: its rule learns anew.
    pub fn load(
        &mut self,
        rules: &[Arc<str>],
        mut give: impl FnMut(&Arc<str>, Vec<u8>) -> Result<(), DetectError>,
    ) {
        for rule in rules {
            let path = self.file(rule);
            let read = match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => Err(error.to_string()),
                Ok(bytes) => give(rule, bytes).map_err(|error| error.to_string()),
            };
            match read {
                Ok(()) => tracing::info!(rule = %rule, "models loaded from {}", path.display()),
                Err(error) => {
                    let fate = if self.force {
                        "overwritten"
                    } else {
                        "kept: remove it, or start with --force-save"
                    };
                    tracing::warn!(
                        "{}: not used, learning anew; the file is {fate}: {error}",
                        path.display()
                    );
                    self.refused.insert(rule.clone());
                }
            }
        }
    }

    /// Saves the models of every rule, each file whole or not at all.
    pub fn save(&self, models: Vec<RuleModels>) {
        for (rule, bytes) in models {
            let path = self.file(&rule);
            if self.refused.contains(&rule) && !self.force && path.exists() {
                tracing::warn!(
                    "{}: models not saved over a file that was refused: remove it, or start with --force-save",
                    path.display()
                );
                continue;
            }
            if let Err(error) = write(&path, &bytes) {
                tracing::warn!("{}: models not saved: {error}", path.display());
            }
        }
    }

    fn file(&self, rule: &str) -> PathBuf {
        self.folder.join(format!("{rule}.model"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Detection, Forecast};
    use crate::scaler::engine::{Engine, RuleSettings};

    fn engine() -> Engine {
        let config =
            crate::config::parse("prometheus: {url: http://p}\ntargets: [{name: shop}]\n", "f");
        let config = config.expect("a configuration");
        let mut engine = Engine::new(Detection::default(), Forecast::default(), 10);
        let settings = RuleSettings::of(&config.targets[0], &config);
        engine.set_rules([("shop".into(), settings)]).expect("valid settings");
        engine
    }

    /// What the file holds after a start with it and a save.
    fn after_a_run(before: &[u8], force: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = ModelFiles::new(folder.path(), force);
        let path = files.file("shop");
        fs::create_dir_all(&files.folder).expect("a folder");
        fs::write(&path, before).expect("writable");
        let mut engine = engine();
        files.load(&["shop".into()], |rule, bytes| engine.load_models(rule, &bytes));
        files.save(engine.save_models().expect("saved"));
        fs::read(path).expect("a file")
    }

    #[test]
    fn a_refused_file_is_overwritten_only_when_that_is_asked_for() {
        let good = engine().save_models().expect("saved").remove(0).1;
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        assert_eq!(after_a_run(&flipped, false), flipped);
        assert_eq!(after_a_run(&flipped, true), good);
        assert_eq!(after_a_run(&good, false), good);
    }
}
