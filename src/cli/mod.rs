//! The command line: one file a command, each from arguments to wiring to run.

mod cadvisor;
mod check;
mod collectors;
mod compare;
mod decide;
mod detect;
mod discovery;
mod events;
mod exporter;
mod forecast;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod judge;
mod log;
mod output;
mod paths;
mod picture;
mod progress;
mod replay;
mod scaler;
mod shown;
mod shutdown;
mod simulate;
mod table;
mod trace;
mod train;
mod training;
mod up;
mod web;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use tokio::runtime;

/// What a command ends in. The error's text, with its causes, is all a user gets to see.
pub type CommandResult = Result<(), Box<dyn Error + Send + Sync>>;

/// Per-container metrics, anomaly detection and safe autoscaling inside the Prometheus ecosystem
#[derive(Parser)]
#[command(name = "loadline", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    log: log::Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch the containers of this host: exporter and scaler in one process, changing nothing
    Up(up::Arguments),
    /// Serve the metrics of every container and service of this host, for Prometheus
    Exporter(Box<exporter::Arguments>),
    /// Ask Prometheus, score, decide, act, publish, take webhooks
    Scaler(scaler::Arguments),
    /// Score the rows of a CSV file, or the history of a Prometheus, with the live detector
    Detect(Box<detect::Arguments>),
    /// Play a recorded load before every policy, and say what each would have cost
    Simulate(Box<simulate::Arguments>),
    /// Fit a model of how many replicas services need, and keep the better of the old and the new
    Train(Box<train::Arguments>),
    /// Fit every model on the same data, judge them side by side, recommend one
    Compare(Box<compare::Arguments>),
    /// Forecast a column of a CSV file from every one of its samples on, as if it came in live
    Forecast(forecast::Arguments),
    /// Live through a recording of the scaler again, and compare its decisions
    Replay(replay::Arguments),
    /// Take one decision: JSON on stdin, JSON on stdout
    Decide(decide::Arguments),
    /// Say what is wrong with a file, line by line
    Check(check::Arguments),
    /// Give a container something to do: a demo service, a load generator, a burner
    Workload(workload::Arguments),
}

/// Parses the command line, runs the command, prints its error. Exit code 2 is a wrong command line,
/// 1 anything else that failed.
pub fn run() -> ExitCode {
    let (line, notes) = match cadvisor::translate(std::env::args_os().collect()) {
        Ok(translated) => translated,
        Err(message) => Arguments::command().error(ErrorKind::ValueValidation, message).exit(),
    };
    let arguments = Arguments::parse_from(line);
    arguments.log.install();
    for note in notes {
        tracing::warn!("{note}");
    }
    // reqwest and the server share one TLS provider; installing it twice is the only way to fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match arguments.command {
        Command::Up(arguments) => arguments.run(),
        Command::Exporter(arguments) => arguments.run(),
        Command::Scaler(arguments) => arguments.run(),
        Command::Detect(arguments) => detect::run(&arguments),
        Command::Simulate(arguments) => arguments.run(),
        Command::Train(arguments) => arguments.run(),
        Command::Compare(arguments) => arguments.run(),
        Command::Forecast(arguments) => forecast::run(&arguments),
        Command::Replay(arguments) => arguments.run(),
        Command::Decide(arguments) => arguments.run(),
        Command::Check(arguments) => arguments.run(),
        Command::Workload(arguments) => arguments.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadline: error: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs `future` on a runtime of `threads` threads, which suffice for what mostly waits. Work that it
/// gave to other threads is not waited for.
fn block_on(threads: usize, future: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start threads: {e}"))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// An error and its causes on one line, the outermost first.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
