//! `loadline check`: files read as the program would read them, before it does.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::CommandResult;
use crate::config::{self, ConfigError, Problem};
use crate::web::check_web_file;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Settings of the scaler (loadline.yml): every error with its line, column and key
    Config {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Web configuration (--web.config.file), with the certificates it names: every error with its
    /// line, column and key
    WebConfig {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Arguments {
    /// Writes one line a file or a finding to stdout.
    ///
    /// # Errors
    /// How many files are wrong.
    pub fn run(&self) -> CommandResult {
        match &self.kind {
            Kind::Config { files } => check(files, |file| {
                let warnings = config::warnings(&config::load(file)?);
                Ok(warnings.iter().map(|warning| format!(": warning: {warning}")).collect())
            }),
            Kind::WebConfig { files } => check(files, |file| {
                let line = |warning: &Problem| {
                    format!("{}: warning: {}: {}", warning.place(), warning.key, warning.message)
                };
                Ok(check_web_file(file)?.iter().map(line).collect())
            }),
        }
    }
}

/// Checks each of `files`. `warnings_of` gives what follows the file's name in a warning.
fn check(
    files: &[PathBuf],
    warnings_of: impl Fn(&Path) -> Result<Vec<String>, ConfigError>,
) -> CommandResult {
    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    for file in files {
        match warnings_of(file) {
            Ok(warnings) => {
                for warning in warnings {
                    writeln!(out, "{}{warning}", file.display())?;
                }
                writeln!(out, "{}: ok", file.display())?;
            }
            Err(error) => {
                wrong += 1;
                writeln!(out, "{error}")?;
            }
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(format!("{wrong} of {} files cannot be used", files.len()).into()),
    }
}
