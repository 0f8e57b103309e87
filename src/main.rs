//! Reads the command line, starts one command; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadline::cli::run()
}
