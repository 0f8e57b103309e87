//! How far long work has come, for a person who waits.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a bar that says nothing new is drawn.
const TICK: Duration = Duration::from_millis(200);

/// A bar of `steps` steps on stderr. Where stderr is no terminal nothing is drawn.
pub fn bar(what: &'static str, steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps).with_message(what);
    let style = ProgressStyle::with_template("{msg:>12} [{bar:30}] {pos}/{len} {elapsed}");
    // The template is right as long as it is this one; the default style shows the same, plainer.
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(TICK);
    bar
}
