//! Files that people read, compared with what the program makes.

use std::fs;
use std::path::Path;

/// Compares `made` with the file at `path` below the package. With `UPDATE_GOLDEN=1` writes it instead.
pub fn compare(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().expect("parent")).expect("mkdir");
        fs::write(&file, made).expect("write");
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (was, is))) =
        (1..).zip(kept.lines().zip(made.lines())).find(|(_, (a, b))| a != b)
    {
        panic!(
            "{path}:{line} differs; run with UPDATE_GOLDEN=1 if that is meant\n was: {was}\n is:  {is}"
        );
    }
    assert_eq!(
        kept.lines().count(),
        made.lines().count(),
        "{path} has another length; run with UPDATE_GOLDEN=1 if that is meant"
    );
}
