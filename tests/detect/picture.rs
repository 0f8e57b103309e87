//! The picture of what was found.

use std::fs;
use std::path::Path;

use loadline::chart::Color;
use tempfile::TempDir;
use tiny_skia::Pixmap;

use super::{detect, message, series};

fn picture(path: &Path) -> Pixmap {
    Pixmap::decode_png(&fs::read(path).expect("written")).expect("a PNG")
}

/// The pixels of just this colour.
fn places(picture: &Pixmap, Color(red, green, blue): Color) -> Vec<(u32, u32)> {
    let width = picture.width();
    let pixels = picture.pixels().iter().enumerate();
    pixels
        .filter(|(_, p)| (p.red(), p.green(), p.blue()) == (red, green, blue))
        .map(|(i, _)| (i as u32 % width, i as u32 / width))
        .collect()
}

#[test]
fn the_planted_fault_is_seen_where_it_is() {
    let folder = TempDir::new().expect("a folder");
    let text = series(500, |row| (row == 400).then_some(25.0));
    fs::write(folder.path().join("in.csv"), text).expect("writable");
    let output = detect(folder.path(), &["--input", "in.csv", "--plot", "out.png"]);
    assert!(output.status.success(), "{}", message(&output));
    let picture = picture(&folder.path().join("out.png"));
    // Two signals and the score.
    assert_eq!((picture.width(), picture.height()), (1920, 1040));

    let load = places(&picture, Color::SERIES[0]);
    let memory = places(&picture, Color::SERIES[1]);
    assert!(load.iter().map(|p| p.1).max() < memory.iter().map(|p| p.1).min());
    let left = load.iter().map(|p| p.0).min().expect("a line");
    let right = load.iter().map(|p| p.0).max().expect("a line");
    let expected = left + (right - left) * 400 / 499;
    let top = load.iter().map(|p| p.1).min().expect("a line");
    let bottom = load.iter().map(|p| p.1).max().expect("a line");
    let tip = load.iter().filter(|p| p.1 < (top + bottom) / 2).map(|p| p.0);
    assert!(tip.clone().count() > 50 && tip.clone().all(|x| x.abs_diff(expected) < 8));

    // The mark of an alert stands above it, in each of the three panels.
    let marks = places(&picture, Color::ALARM);
    let near: Vec<u32> = marks.iter().filter(|p| p.0.abs_diff(expected) < 8).map(|p| p.1).collect();
    let panels = near.windows(2).filter(|pair| pair[1] > pair[0] + 100).count() + 1;
    assert_eq!(panels, 3);
}

/// Twelve signals, of which the last is at fault: four are drawn, and it is one of them.
#[test]
fn of_many_signals_those_at_fault_are_drawn() {
    let folder = TempDir::new().expect("a folder");
    let names: Vec<String> = (0..12).map(|i| format!("s{i}")).collect();
    let mut text = format!("timestamp,{}\n", names.join(","));
    for row in 0..300 {
        let cell = |column: usize| match (row, column) {
            (250..255, 11) => "90".to_owned(),
            _ => format!("{}", 10 + (row * (column + 2)) % 11),
        };
        text += &format!("{},{}\n", row * 60, (0..12).map(cell).collect::<Vec<_>>().join(","));
    }
    let quiet: Vec<&str> = text.lines().take(201).collect();
    fs::write(folder.path().join("quiet.csv"), quiet.join("\n")).expect("writable");
    fs::write(folder.path().join("in.csv"), text).expect("writable");
    let arguments = [
        ["--input", "in.csv"],
        ["--train", "quiet.csv"],
        ["--plot", "out.png"],
        ["--output", "out.csv"],
        ["--detection.contamination", "0.01"],
    ];
    let output = detect(folder.path(), arguments.as_flattened());
    assert!(output.status.success(), "{}", message(&output));
    assert!(folder.path().join("out.csv").exists());
    let picture = picture(&folder.path().join("out.png"));
    assert_eq!(picture.height(), 520 + 4 * 260);
    // Drawn in the order of the columns, so the last of the four is the one with the peak.
    let last = places(&picture, Color::SERIES[3]);
    let (top, bottom) = (last.iter().map(|p| p.1).min(), last.iter().map(|p| p.1).max());
    let (top, bottom) = (top.expect("a line"), bottom.expect("a line"));
    let high = last.iter().filter(|p| p.1 < (top + bottom) / 2).map(|p| p.0);
    let width = high.clone().max().zip(high.min()).map(|(right, left)| right - left);
    assert!(width.is_some_and(|width| width < 60), "one narrow peak: {width:?}");
}
