//! The command line: one file a command, each from arguments to wiring to run.

mod detect;
mod log;
mod output;
mod table;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command ends in. The error's text, with its causes, is all a user gets to see.
pub type CommandResult = Result<(), Box<dyn Error + Send + Sync>>;

/// Per-container metrics, anomaly detection and safe autoscaling inside the Prometheus ecosystem.
#[derive(Parser)]
#[command(name = "loadline", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    log: log::Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Detect(detect::Arguments),
}

/// Parses the command line, runs the command, prints its error. Exit code 2 is a wrong command line,
/// 1 anything else that failed.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.log.install();
    // reqwest and the server share one TLS provider; installing it twice is the only way to fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result: CommandResult = match arguments.command {
        Command::Detect(arguments) => detect::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadline: error: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
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
