//! `loadline check`: files read as the program would read them, before it does.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandResult;
use crate::config;

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
}

impl Arguments {
    /// Writes one line a file or a finding to stdout.
    ///
    /// # Errors
    /// How many files are wrong.
    pub fn run(&self) -> CommandResult {
        let Kind::Config { files } = &self.kind;
        let mut out = std::io::stdout().lock();
        let mut wrong = 0;
        for file in files {
            match config::load(file) {
                Ok(config) => {
                    for warning in config::warnings(&config) {
                        writeln!(out, "{}: warning: {warning}", file.display())?;
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
}
