//! Training on files of a bucket, from a real server of the S3 protocol.

use std::io::Write;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{rows, stderr, stdout};
use crate::support::{Moto, loadline};

/// Without the credentials and settings of whoever runs the tests.
fn train(folder: &TempDir, moto: &Moto, arguments: &[&str]) -> Command {
    let mut command = loadline();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
        command.env_remove(name);
    }
    command
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .args(["train", "--output", "out", "--model", "boosting", "--s3.endpoint", &moto.url])
        .args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_found_below_a_prefix_and_by_date() {
    let Some(moto) = Moto::start("buckets").await else { return };
    let folder = TempDir::new().expect("a folder");
    moto.put("/shop", "").await;
    for day in [1, 2] {
        moto.put(&format!("/shop/metrics/2026/01/metrics_202601{day:02}.csv"), rows(day, 6, 240))
            .await;
    }
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(rows(1, 6, 240).as_bytes()).expect("zipped");
    let zipped = zipped.finish().expect("zipped");
    moto.put("/shop/metrics/2026/02/metrics_20260201.csv.gz", zipped).await;
    moto.put("/shop/metrics/2026/01/readme.txt", "no table").await;
    moto.put("/shop/other/metrics_20260101.csv", "not,these\n").await;

    std::fs::create_dir(folder.path().join(".aws")).expect("a folder");
    let credentials = "[default]\naws_access_key_id = test\naws_secret_access_key = test\n";
    std::fs::write(folder.path().join(".aws/credentials"), credentials).expect("written");
    let told = |arguments: &[&str]| {
        stdout(&train(&folder, &moto, arguments).output().expect("the program runs"))
    };
    let all = told(&["--data", "s3://shop/metrics/", "--force-save"]);
    assert!(
        all.contains("960 rows of 2 services from 3 files, repeated rows dropped: 480"),
        "{all}"
    );
    let january = told(&["--data", "s3://shop/metrics", "--date", "2026-01", "--force-save"]);
    assert!(january.contains("960 rows of 2 services from 2 files"), "{january}");
    let february = told(&["--data", "s3://shop/metrics", "--date", "2026-02-01", "--force-save"]);
    assert!(february.contains("480 rows of 2 services from 1 file"), "{february}");

    let failed = |arguments: &[&str]| {
        let output = train(&folder, &moto, arguments).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    let none = failed(&["--data", "s3://shop/nothing"]);
    assert!(none.contains("s3://shop/nothing: expected at least one .csv"), "{none}");
    let absent = failed(&["--data", "s3://nowhere/metrics"]);
    assert!(absent.contains("s3://nowhere/metrics: 404 Not Found (NoSuchBucket"), "{absent}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let folder = TempDir::new().expect("a folder");
    let mut command = loadline();
    command.current_dir(folder.path()).env("HOME", folder.path()).args([
        "train",
        "--output",
        "out",
        "--data",
        "s3://shop/metrics",
        "--s3.endpoint",
        &format!("http://127.0.0.1:{}", crate::support::free_port()),
    ]);
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("s3://shop/metrics: "), "{}", stderr(&output));
}
