use std::time::Duration;

use super::*;
use crate::config::{Policy, Scale};
use crate::forecast::Series;
use crate::simulate::{Contestant, Net, Setting, run};
use crate::units::Timestamp;

fn setting() -> Setting {
    let wave = |minute: u32| (100.0 - 80.0 * (f64::from(minute) / 229.0).cos()).round();
    let values: Vec<f64> = (0..1440).map(wave).collect();
    Setting {
        load: Series { start: Timestamp::default(), step: Duration::from_secs(60), values },
        test_from: 0,
        capacity: 10.0,
        startup_delay: Duration::from_secs(120),
        every: 1,
        bounds: Scale { min: 1.0, max: 1e6 },
        initial: 2,
        net: Net::Forecasts,
        price: 1.0,
        service_time: Duration::from_millis(40),
        objective: Duration::from_millis(150),
    }
}

fn contestant(name: &str) -> Contestant {
    let policy = Policy::named("threshold").unwrap();
    let cooldown = Duration::from_secs(300);
    Contestant { name: name.to_owned(), ..Contestant::new(policy, None, cooldown) }
}

#[test]
fn the_page_needs_nothing_else_and_explains_every_column() {
    let setting = setting();
    let contestants = ["default", "hpa", "hpa@40", "<b>"].map(contestant);
    let runs = run(&setting, &contestants, &[], &|_, _| Ok(None), &|_| {}).unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run.policy.as_str()).collect();
    assert_eq!(names, ["default", "hpa", "hpa@40", "<b>"]);

    let pictures = pictures(&setting, &runs).unwrap();
    let html = page("a & b", &setting, &runs, &pictures);
    assert_eq!(html.matches("data:image/png;base64,").count(), pictures.len());
    assert!(html.contains("a &amp; b") && html.contains("&lt;b&gt;") && !html.contains("<td><b>"));
    for foreign in ["http://", "https://", "<script", "<link", "src=\"/"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("The HPA at other targets"));
    // The same policy under two names never loses against itself.
    assert!(html.contains("0 of 4 windows of 6h"));
    for line in runs.iter().map(record) {
        assert_eq!(line.len(), COLUMNS.len());
    }
}
