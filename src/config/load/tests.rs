use super::*;
use crate::config::{Guard, TargetRule, Threshold};
use crate::target::Dimension;
use proptest::prelude::*;

const SMALLEST: &str = include_str!("../../../examples/loadline.yml");
const EXAMPLE: &str = include_str!("../../../docs/loadline.example.yml");

fn config(text: &str) -> Config {
    parse(text, "loadline.yml").unwrap_or_else(|e| panic!("{text}\n{e}"))
}

#[test]
fn the_smallest_file_has_every_default() {
    let config = config(SMALLEST);
    assert_eq!(config.targets, [TargetRule::named("containers")]);
    assert_eq!(config.prometheus, crate::config::Prometheus::at("http://localhost:9090"));
    assert_eq!(config.policy, None);
    assert!(SMALLEST.lines().count() < 10);
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    // The smallest file leaves policy and guard to the dimension; the example shows those of limits.
    let mut smallest = config(SMALLEST);
    smallest.policy = Some(Policy::Threshold(Threshold::default()));
    smallest.guard = Some(Guard::default());
    assert_eq!(config(EXAMPLE), smallest);
}

/// Each mapping of the example is given a key that nobody knows; the error lists those that are
/// known, and the example must speak of each, in a comment where there is no default.
#[test]
fn the_example_names_every_key() {
    let mut seen = 0;
    let uncommented: Vec<String> = EXAMPLE
        .lines()
        .map(|line| match line.trim_start().strip_prefix("# ") {
            Some(rest) if is_setting(rest) => line.replacen("# ", "", 1),
            _ => line.to_owned(),
        })
        .collect();
    for line in EXAMPLE.lines().filter(|l| !l.trim_start().starts_with('#')) {
        let Some((key, "")) = line.trim_end().split_once(':') else { continue };
        let indent = key.len() - key.trim_start_matches([' ', '-']).len() + 2;
        let probe = format!("{line}\n{:indent$}zzz: 1", "");
        let error = match parse(&EXAMPLE.replacen(line, &probe, 1), "f") {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{key} takes any key"),
        };
        let Some((_, known)) = error.split_once("expected one of ") else { continue };
        for name in known.split(", ") {
            let setting = format!("{name}:");
            assert!(
                uncommented.iter().any(|l| l.split([' ', '{']).any(|word| word == setting)),
                "{key}: the example does not speak of {name}"
            );
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} keys were looked for");
}

fn is_setting(comment: &str) -> bool {
    comment.split_once(':').is_some_and(|(key, _)| !key.trim().contains(' '))
}

#[test]
fn rules_inherit_key_by_key() {
    let config = config(
        "prometheus: {url: http://p}
policy: {threshold: {cpu: {scale_up_ratio: 0.9}, smoothing_factor: 0.5}}
guard: {cooldown_up: 7s, max_shrink_ratio: 0.25}
targets:
  - name: own
    policy: {threshold: {memory: {target_ratio: 0.6}}}
    guard: {cooldown_up: 9s}
  - {name: plain, guard: }
",
    );
    let (Some(Policy::Threshold(global)), Some(Policy::Threshold(own))) =
        (&config.policy, &config.targets[0].policy)
    else {
        panic!("{config:?}")
    };
    let default = Threshold::default();
    assert_eq!(global.cpu.scale_up_ratio, 0.9);
    assert_eq!(global.cpu.scale_down_ratio, default.cpu.scale_down_ratio);
    assert_eq!(global.memory, default.memory);
    assert_eq!(own.cpu, global.cpu);
    assert_eq!(own.smoothing_factor, 0.5);
    assert_eq!(own.dimension(Dimension::Memory).target_ratio, 0.6);
    assert_eq!(own.memory.chunk, default.memory.chunk);
    let seconds = std::time::Duration::from_secs;
    let expected = Guard { cooldown_up: seconds(9), max_shrink_ratio: 0.25, ..Guard::default() };
    assert_eq!(config.targets[0].guard.as_ref(), Some(&expected));
}

/// Text → the errors, one file after the other.
fn errors(cases: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (what, yaml) in cases {
        let error = match parse(yaml, "loadline.yml") {
            Err(error) => error,
            Ok(_) => panic!("{what}: accepted"),
        };
        text.push_str(&format!("# {what}\n{error}\n\n"));
    }
    text
}

const HEAD: &str = "prometheus: {url: http://p}\ntargets:\n  - name: a\n";

#[test]
fn what_does_not_fit_is_named_with_its_place() {
    let with = |tail: &str| format!("{HEAD}{tail}");
    let event = |event: &str| with(&format!("forecast: {{events: [{event}]}}\n"));
    let text = errors(&[
        ("no YAML", "prometheus: [\ntargets: }"),
        ("a tab", "prometheus:\n\turl: http://p\n"),
        ("empty", ""),
        ("a list", "- a\n"),
        ("nothing required", "global: {}\n"),
        ("a missing url", "prometheus: {timeout: 5s}\ntargets: []\n"),
        ("an unknown section", &with("prometeus: {}\n")),
        ("an unknown key", &with("    idenity: [name]\n")),
        ("a far key", &with("    zzz: 1\n")),
        ("a number for a list", &with("    identity: 5\n")),
        ("text for a number", &with("detection: {contamination: lots}\n")),
        ("a fraction for a count", &with("detection:\n  n_estimators: 1.5\n")),
        ("a negative count", &with("detection: {n_estimators: -1}\n")),
        ("text for a boolean", &with("guard: {introduce_limits: yes}\n")),
        ("a bad duration", &with("global: {evaluation_interval: 30}\n")),
        ("a bad amount", &with("    scale: {memory: {min: 64 parsecs, max: 1}}\n")),
        ("a mapping for an amount", &with("    scale: {memory: {min: {}, max: 1}}\n")),
        ("an unknown mode", &with("    mode: enforced\n")),
        ("an unknown signal", &with("    signals: {cpu_usage: up}\n")),
        ("an unknown dimension", &with("    scale: {disk: {min: 1, max: 2}}\n")),
        ("an unknown detector", &with("detection: {mode: fancy}\n")),
        ("an unknown view", &with("detection: {calibrated: {views: [level, levels]}}\n")),
        ("an event without a name", &event("{name: ' ', start: 2026-11-27, duration: 1d}")),
        ("an event without an end", &event("{name: a, start: 2026-11-27}")),
        ("an event with two ends", &event("{name: a, start: 1, end: 2, duration: 1s}")),
        ("an event that ends too soon", &event("{name: a, start: 2026-11-27, end: 2026-11-26}")),
        ("an event that comes again too soon", &event("{name: a, start: 1, end: 9, every: 7s}")),
        ("an event of which no model knows", &event("{name: a, start: 1, end: 2}")),
        ("an event at no time", &event("{name: a, start: soon, duration: 1s}")),
        ("an unknown policy", &with("policy: {tresholds: {}}\n")),
        ("a list for a section", &with("guard: []\n")),
        ("a key twice", &with("guard: {cooldown_up: 1s}\nguard: {cooldown_up: 2s}\n")),
        ("infinity", &with("alerts: {rules: [{alertname: A, dimension: cpu, weight: .inf}]}\n")),
        ("two documents", &with("---\na: 1\n")),
        ("too deep", &"[".repeat(300)),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn what_contradicts_itself_is_named_with_its_place() {
    let text = errors(&[
            ("everything at once", include_str!("../testdata/contradictions.yml")),
            ("no rules", "prometheus: {url: http://p}\ntargets: []\n"),
            (
                "credentials in the url",
                "prometheus: {url: \"http://u:p@h\"}\ntargets: [{name: a}]\n",
            ),
            ("another scheme", "prometheus: {url: \"ftp://h\"}\ntargets: [{name: a}]\n"),
            ("a query", "prometheus: {url: \"http://h/?a=b\"}\ntargets: [{name: a}]\n"),
            (
                "a detector that looks at nothing",
                "prometheus: {url: http://p}\ntargets: [{name: a}]
detection:
  calibrated: {views: [], joint_weight: 0, threshold: 1, forest_weight: 2, top_views: 9, refit_rows: 0}
",
            ),
        ]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_look_at_the_past_needs_no_targets() {
    let read = |text: &str| parse_detection(text, "f").map_err(|e| e.to_string());
    let whole = format!("{HEAD}detection: {{n_estimators: 50}}\n");
    for text in [whole.as_str(), "detection: {n_estimators: 50}\n"] {
        assert_eq!(read(text).map(|file| file.detection.n_estimators), Ok(50), "{text}");
    }
    assert_eq!(read("prometheus: {url: http://p}\n").map(|f| f.prometheus.is_some()), Ok(true));
    assert_eq!(
        read("detection:\n  max_samples: 1\n").expect_err("too few"),
        "f:2:16: detection.max_samples: expected 2 to 1000000, found 1"
    );
    assert_eq!(
        read("prometheus: {url: \"ftp://p\"}\n").expect_err("no HTTP"),
        "f:1:19: prometheus.url: expected an http:// or https:// URL, found \"ftp://p\""
    );
    assert_eq!(
        read("detecton: {}\n").expect_err("unknown"),
        "f:1:1: detecton: unknown key: did you mean detection?"
    );
    let wrong_guard = format!("{HEAD}guard: {{tolerance_ratio: 2}}\n");
    assert!(read(&wrong_guard).expect_err("a ratio").contains("guard.tolerance_ratio"));
}

#[test]
fn an_unreadable_file_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none.yml");
    let error = load(&path).expect_err("there is no file").to_string();
    assert_eq!(
        error,
        format!("{}: cannot read: No such file or directory (os error 2)", path.display())
    );
    std::fs::write(&path, b"a: \xff").expect("written");
    let error = load(&path).expect_err("no UTF-8").to_string();
    assert!(error.ends_with(": expected UTF-8, found another byte at offset 3"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_settings_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&String::from_utf8_lossy(&bytes), "f");
    }

    /// One damaged line of a whole file: every section is reached.
    #[test]
    fn a_damaged_file_is_settings_or_an_error(
        line in 0usize..200,
        damage in r#"[ ]{0,6}(- )?[a-z_]{0,12}(: )?[-0-9a-z.{}\["*&#]{0,8}"#,
    ) {
        let mut lines: Vec<&str> = EXAMPLE.lines().collect();
        let line = line % lines.len();
        lines[line] = &damage;
        if let Err(error) = parse(&lines.join("\n"), "f") {
            prop_assert!(!error.problems.is_empty());
        }
    }
}
