//! A week of seed 5's simulator against `loadline simulate --forecast-file`.

use std::fmt::Write;
use std::fs;

use super::{START, folder, lines, run};

/// Seed 5's week: `(demand, forecast)` of each minute, with bursts, loads that fill containers exactly or to
/// the threshold of `step`, silence, and minutes without a forecast.
fn week() -> Vec<(f64, f64)> {
    let mut dice = 7u64;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let minute = |minute: u32| {
        let wave = 18.0 + 10.0 * (f64::from(minute) / 229.0).sin();
        let demand = match throw(50) {
            0 => 0.0,
            1 => 25.0 * throw(24) as f64,
            2 => 30.0 * throw(20) as f64,
            3 => 17.3 * throw(40) as f64,
            _ => wave + throw(40) as f64 / 10.0,
        };
        // Four hours a day the forecast is high enough for the most that `step` has.
        let high = if minute % 1440 < 240 { 480.0 } else { 0.0 };
        let forecast = match throw(20) {
            0 => f64::NAN,
            1 => 25.0 * throw(24) as f64,
            2 => 15.0 * throw(24) as f64,
            3 => -1.5,
            _ => high + wave + throw(60) as f64 / 10.0,
        };
        (demand, forecast)
    };
    (0..10_080).map(minute).collect()
}

/// The containers of seed 5's simulator: 25 a container, two at the start.
fn containers(policy: &str, week: &[(f64, f64)]) -> Vec<u32> {
    let (mut count, mut last) = (2.0_f64, None);
    let minute = |(minute, (demand, forecast)): (usize, &(f64, f64))| {
        let expected = if forecast.is_nan() { *demand } else { *forecast };
        let need = expected / 25.0;
        let rests = last.is_some_and(|last| minute - last < 10);
        let (chosen, acts) = match policy {
            "simple_ceiling" => (f64::max(1.0, need.ceil()), false),
            "buffered" => (f64::max(1.0, (expected * 1.15 / 25.0).ceil()), false),
            _ if rests => (count, false),
            _ if need > count => (f64::min(20.0, count + 1.0), true),
            _ if need < 0.6 * count => (f64::max(1.0, count - 1.0), true),
            _ => (count, false),
        };
        let over = f64::max(0.0, demand / chosen - 25.0);
        let suffers = 40.0 + 2.0 * over.powf(1.5) > 150.0 || 70.0 + over / 25.0 * 100.0 > 90.0;
        count = if suffers { chosen + 1.0 } else { chosen };
        last = if acts || suffers { Some(minute) } else { last };
        count as u32
    };
    week.iter().enumerate().map(minute).collect()
}

/// What a file says of a minute decides for that minute, whichever way the file says it.
#[test]
fn a_week_of_seed_5_is_the_same_container_by_container() {
    let week = week();
    let folder = folder(week.iter().map(|(demand, _)| *demand));
    let mut of_rows = "timestamp,expected\n".to_owned();
    let mut of_origins = "origin,horizon_seconds,quantile,value\n".to_owned();
    for (minute, (_, forecast)) in (0..).zip(&week).filter(|(_, (_, f))| !f.is_nan()) {
        let at = START + 60 * minute;
        writeln!(of_rows, "{at},{forecast}").expect("text");
        writeln!(of_origins, "{},900,0.5,{forecast}", at - 900).expect("text");
    }
    for file in [of_rows, of_origins] {
        fs::write(folder.path().join("forecast.csv"), &file).expect("written");
        let policies = ["simple_ceiling", "buffered", "step"];
        let who = ["--policies", &policies.join(",")];
        let arguments = ["--capacity", "25", "--forecast-file", "forecast.csv"];
        let output = run(folder.path(), &[&arguments[..], &who[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for policy in policies {
            let expected = containers(policy, &week);
            let rows = lines(folder.path(), &format!("sim_file_{policy}.csv"));
            assert_eq!(rows.len(), expected.len());
            for ((minute, row), expected) in rows.iter().enumerate().zip(&expected) {
                assert_eq!(row["containers"], expected.to_string(), "{policy}, minute {minute}");
            }
            assert!(*expected.iter().max().expect("a week") >= 20, "{policy}: it has to climb");
        }
    }
}
