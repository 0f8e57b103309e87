//! What counts in a model, as a table and as a picture.

use std::io::Write;
use std::path::Path;

use crate::chart::{Axis, Chart, Color, Layer, Panel, Shape};
use crate::cli::CommandResult;
use crate::cli::output::write_atomically;

/// How many features the picture shows: their names are long.
const MOST_BARS: usize = 7;

/// In pixels.
const WIDTH: u32 = 2800;
/// In pixels.
const HEIGHT: u32 = 900;

/// Writes `feature_importance.csv` and `.png` into `folder`, of shares that fall from one to the next.
pub fn write(folder: &Path, model: &str, importances: &[(String, f64)]) -> CommandResult {
    let mut lines = csv::Writer::from_writer(Vec::new());
    lines.write_record(["feature", "importance"])?;
    for (name, share) in importances {
        lines.write_record([name, &share.to_string()])?;
    }
    let bytes = lines.into_inner().map_err(|error| error.to_string())?;
    write_atomically(&folder.join("feature_importance.csv"), |file| file.write_all(&bytes))?;
    let png = chart(model, importances).png(WIDTH, HEIGHT)?;
    write_atomically(&folder.join("feature_importance.png"), |file| file.write_all(&png))?;
    Ok(())
}

/// The features that count most, as bars.
fn chart(model: &str, importances: &[(String, f64)]) -> Chart {
    let shown = &importances[..importances.len().min(MOST_BARS)];
    let bars = (0..).zip(shown).map(|(place, (_, share))| (f64::from(place), *share)).collect();
    let layer = Layer { name: String::new(), color: Color::SERIES[0], shape: Shape::Bars(bars) };
    Chart {
        title: format!("{model}: what counts"),
        subtitle: format!("the {} of {} features that count most", shown.len(), importances.len()),
        x: Axis::Names(shown.iter().map(|(name, _)| name.clone()).collect()),
        panels: vec![Panel {
            title: "share of what was learnt (0–1)".to_owned(),
            range: Some((0.0, 0.0)),
            weight: 1.0,
            layers: vec![layer],
        }],
    }
}
