//! `loadline compare` on rows of services.

use std::fs;

use tempfile::TempDir;

use super::{is_png, json, run, stdout, two_days};

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
