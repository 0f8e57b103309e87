//! `--features cloud`: the CPU of an instance, a minute ahead.

use std::io::{self, Write};
use std::time::Instant;

use serde::Serialize;

use super::{Arguments, importances, write_text};
use crate::cli::CommandResult;
use crate::cli::output::write_atomically;
use crate::cli::progress;
use crate::features::cloud::Sample;
use crate::predict::cloud::{CloudModel, CloudTraining, clean};

/// What `metrics.json` holds.
#[derive(Serialize)]
struct Report<'a> {
    model: &'static str,
    files: usize,
    skipped_files: &'a [String],
    samples: usize,
    training: &'a CloudTraining,
    fit_seconds: f64,
    saved: bool,
    verdict: &'a str,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let path = arguments.output.join("cloud.model");
    let old = arguments.old(&path, CloudModel::load)?;
    let mut read = arguments.source.samples()?;
    clean(&mut read.rows);
    let bar = progress::bar("fitting", 1);
    let begun = Instant::now();
    let model = CloudModel::fit(&read.rows, arguments.seed)?;
    let fit_seconds = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let (save, why) = verdict(arguments, old.as_ref(), &model, &read.rows);
    let training = &model.training;
    let report = Report {
        model: "boosting",
        files: read.files,
        skipped_files: &read.skipped,
        samples: read.rows.len(),
        training,
        fit_seconds,
        saved: save,
        verdict: &why,
    };
    let json = serde_json::to_string_pretty(&report)?;
    write_text(&arguments.output.join("metrics.json"), &(json + "\n"))?;
    if save {
        let bytes = model.save()?;
        write_atomically(&path, |file| file.write_all(&bytes))?;
        importances::write(&arguments.output, "boosting", &model.importances())?;
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "boosting: RMSE {:.3} % of CPU a minute ahead ({:.3} if the CPU of now stays), fitted in {fit_seconds:.2} s",
        training.scores.rmse, training.naive.rmse
    )?;
    writeln!(out, "{}: {why}", path.display())?;
    Ok(())
}

/// Whether the new model is saved, and why.
fn verdict(
    arguments: &Arguments,
    old: Option<&CloudModel>,
    new: &CloudModel,
    samples: &[Sample],
) -> (bool, String) {
    let Some(old) = old else { return (true, "saved: there was no model that can be read".into()) };
    if arguments.force_save {
        return (true, "saved: --force-save".into());
    }
    let test_from = new.training.test_from;
    if old.training.test_from > test_from {
        let why = "kept: the old model has learnt from rows that the new one is judged by, so they cannot \
                   be compared; give --force-save to replace it";
        return (false, why.into());
    }
    let rmse = new.training.scores.rmse;
    match old.judge(samples, test_from).map(|scores| scores.rmse) {
        Some(before) if before <= rmse => (
            false,
            format!(
                "kept: the old model is as good or better on the same rows: RMSE {before:.3} against \
                 {rmse:.3}"
            ),
        ),
        Some(before) => (
            true,
            format!(
                "saved: better than the old model on the same rows: RMSE {rmse:.3} against {before:.3}"
            ),
        ),
        None => (true, "saved: the old model says nothing of these rows".into()),
    }
}
