//! `loadline compare` on rows of services.

use std::fmt::Write;
use std::fs;

use tempfile::TempDir;

use super::{is_png, json, run, stderr, stdout, two_days};

#[test]
fn all_models_stand_side_by_side() {
    let folder = TempDir::new().expect("a folder");
    two_days(folder.path());
    let told = stdout(&run(folder.path(), &["compare", "--data", "metrics", "--output", "out"]));
    let out = folder.path().join("out");
    assert_eq!(fs::read_to_string(out.join("comparison_report.txt")).expect("a report"), told);
    assert!(told.contains("\nRecommendation: "), "{told}");

    let report = json(&out.join("comparison_report.json"));
    let models = report["models"].as_array().expect("models");
    let names: Vec<&str> = models.iter().filter_map(|model| model["name"].as_str()).collect();
    assert_eq!(names[..4], ["current_replicas", "thresholds", "random_forest", "boosting"]);
    for model in models {
        for figure in ["rmse", "mae", "r2", "exact_accuracy", "within_1_accuracy"] {
            assert!(model[figure].is_f64(), "{figure} of {model}");
        }
        let is_rule = model["rule"] == true;
        for figure in ["fit_seconds", "inference_seconds"] {
            assert_eq!(model[figure].is_null(), is_rule, "{figure} of {model}");
        }
    }
    let best = report["points"][0]["name"].as_str().expect("a model");
    assert!(told.contains(&format!("Recommendation: {best}, with ")), "{told}");
    let rmse = |name: &str| {
        let of = models.iter().find(|model| model["name"] == name).expect("a model");
        of["rmse"].as_f64().expect("a number")
    };
    assert!(rmse("boosting") < rmse("thresholds") && rmse("random_forest") < rmse("thresholds"));

    let csv = fs::read_to_string(out.join("comparison_report.csv")).expect("a table");
    assert_eq!(csv.lines().count(), 1 + models.len());
    for picture in ["model_comparison.png", "prediction_comparison.png"] {
        assert!(is_png(&out.join(picture)), "{picture}");
    }
}

#[test]
fn forecasters_stand_side_by_side_too() {
    let folder = TempDir::new().expect("a folder");
    let mut text = "timestamp,load\n".to_owned();
    for step in 0..1000 {
        let wave = 100.0 + 50.0 * (f64::from(step) * std::f64::consts::TAU / 96.0).sin();
        writeln!(text, "{},{:.3}", 1_767_225_600 + 900 * step, wave + f64::from(step * 37 % 11))
            .expect("a string");
    }
    fs::write(folder.path().join("load.csv"), text).expect("written");
    let arguments = ["compare", "--input", "load.csv", "--column", "load", "--output", "out"];
    let quick = ["--horizons", "15m,1h", "--models", "naive,seasonal_naive_day,ets"];
    let told = stdout(&run(folder.path(), &[&arguments, &quick[..]].concat()));
    let out = folder.path().join("out");
    assert_eq!(fs::read_to_string(out.join("comparison_report.txt")).expect("a report"), told);
    let report = json(&out.join("comparison_report.json"));
    assert_eq!((&report["history_samples"], &report["test_samples"]), (&800.into(), &200.into()));
    let models = report["models"].as_array().expect("models");
    let find = |name: &str| {
        let model = models.iter().find(|model| model["name"] == name);
        model.unwrap_or_else(|| panic!("{name} in {told}"))
    };
    for name in ["naive", "seasonal_naive_day", "ets", "auto"] {
        let model = find(name);
        assert!(model["fit_seconds"].is_f64() && model["inference_seconds"].is_f64(), "{model}");
        for (place, seconds) in [(0, 900.0), (1, 3600.0)] {
            let figures = &model["horizons"][place];
            assert_eq!(figures["horizon_seconds"], seconds);
            for figure in ["rmse", "mae", "r2", "mase", "smape", "pinball", "coverage"] {
                assert!(figures[figure].is_f64(), "{figure} of {name}: {model}");
            }
        }
    }
    let pinball = |name: &str| find(name)["horizons"][1]["pinball"].as_f64().expect("a number");
    assert!(pinball("seasonal_naive_day") < pinball("naive"), "{told}");
    let lines = fs::read_to_string(out.join("comparison_report.csv")).expect("a table");
    assert_eq!(lines.lines().count(), 1 + 2 * models.len());
    for picture in ["model_comparison.png", "prediction_comparison.png"] {
        assert!(is_png(&out.join(picture)), "{picture}");
    }

    for (more, code, expected) in [
        (&["--input", "load.csv"][..], 2, "--column"),
        (&["--input", "load.csv", "--column", "x"], 1, "load.csv: line 1: no column \"x\""),
        (
            &["--input", "load.csv", "--column", "load", "--horizons", "7m"],
            1,
            "multiples of the step 15m",
        ),
        (&["--input", "load.csv", "--column", "load", "--data", "x"], 2, "cannot be used with"),
        (&[], 2, "required"),
    ] {
        let output = run(folder.path(), &[&["compare", "--output", "no"], more].concat());
        assert_eq!(output.status.code(), Some(code), "{more:?}");
        assert!(stderr(&output).contains(expected), "{}\nlacks {expected}", stderr(&output));
    }
}
