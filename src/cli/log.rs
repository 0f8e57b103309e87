//! `--log.level` and `--log.format`: logs go to stderr, data to stdout.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How much is logged, and in which form.
#[derive(Args)]
pub struct Flags {
    /// Only log messages with the given severity or above
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        global = true,
        display_order = 900
    )]
    level: Level,
    /// Form of the log lines
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true,
        display_order = 901
    )]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Logfmt,
    Json,
}

impl Flags {
    /// Sends the program's own log lines to stderr; those of its libraries only from `warn` on.
    pub fn install(&self) {
        let level = match self.level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let filter = EnvFilter::new(format!("warn,loadline={level}"));
        let builder =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.format {
            Format::Logfmt => builder.with_ansi(false).init(),
            Format::Json => builder.json().init(),
        }
    }
}
