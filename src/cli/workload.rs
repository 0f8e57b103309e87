//! `loadline workload`: something to scale.

mod generate;

use std::io::{Write, stdout};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::{Client, Url, redirect};
use tracing::info;

use self::generate::Generate;

use super::web::Listen;
use super::{CommandResult, block_on, shutdown};
use crate::units::{amount, duration};
use crate::workload::{Burner, Cost, Daily, Held, Load, Pattern, Service, Shape, load};

/// The command line.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A service: POST /predict costs CPU time and memory; GET /health and /metrics cost nothing
    Serve(Serve),
    /// A load generator: posts to a URL by a pattern, then prints what came back
    Load(Send),
    /// No load at all: a file with the demand of every minute, for loadline simulate and forecast
    Generate(Generate),
    /// No service: keeps cores busy and memory taken until its time is over or SIGTERM comes
    Burn(Burn),
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    listen: Listen<8080>,
    /// CPU time of a request, on average
    #[arg(long = "cpu.time", value_name = "DURATION", default_value = "100ms", value_parser = duration::parse)]
    cpu_time: Duration,
    /// How far a request strays from that at most, as a ratio of it
    #[arg(long = "cpu.spread", value_name = "RATIO", default_value_t = 0.5, value_parser = ratio)]
    cpu_spread: f64,
    /// Memory that a request takes, such as 1MiB
    #[arg(long = "memory.bytes", value_name = "BYTES", default_value = "1MiB", value_parser = bytes)]
    memory_bytes: usize,
    /// How long it keeps the memory after its answer
    #[arg(long = "memory.hold", value_name = "DURATION", default_value = "1s", value_parser = duration::parse)]
    memory_hold: Duration,
    /// Requests worked on at once [default: one a core]
    #[arg(long, value_name = "COUNT", value_parser = count)]
    concurrency: Option<usize>,
    /// Requests that may wait for their turn; further ones get status 503
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    queue: usize,
    /// Decides what is left to chance
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
}

#[derive(Args)]
struct Send {
    /// Where to post to, such as http://localhost:8080/predict
    url: Url,
    /// How the load moves
    #[arg(long, value_name = "NAME", default_value = "constant")]
    pattern: PatternName,
    /// Base of the pattern, in requests a second
    #[arg(long, value_name = "RATE", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// Height of step, ramp, sine and spike, in requests a second [default: five times the base]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    peak: Option<f64>,
    /// Length of a step, a ramp, a wave, a spike, or a day
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = positive)]
    period: Duration,
    /// Probability that a period is a spike
    #[arg(long = "spike.likelihood", value_name = "RATIO", default_value_t = 0.1, value_parser = ratio)]
    spike_likelihood: f64,
    /// How long to send
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = positive)]
    duration: Duration,
    /// Requests under way at once; those due beyond that are skipped and counted
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = count)]
    concurrency: usize,
    /// How long one request may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive)]
    timeout: Duration,
    /// Decides what is left to chance
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum PatternName {
    /// The base, always
    Constant,
    /// The base for a period, the peak for the next, and so on
    Step,
    /// From base to peak within a period, then the peak
    Ramp,
    /// A wave between base and peak
    Sine,
    /// Some periods at the peak, the others at the base
    Spike,
    /// Days and weeks around the base, with some spikes
    Daily,
    /// The same, flatter, hardly any spikes
    DailySmooth,
    /// The same, steeper, many high spikes
    DailySpiky,
}

#[derive(Args)]
struct Burn {
    /// Cores to keep busy; 1.5 is one, and half the time of another
    #[arg(long = "cpu.cores", value_name = "CORES", default_value_t = 1.0, value_parser = cores)]
    cores: f64,
    /// Memory to take, such as 64MiB
    #[arg(long = "memory.bytes", value_name = "BYTES", default_value = "0", value_parser = bytes)]
    memory_bytes: usize,
    /// How long [default: until SIGTERM]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
}

impl Arguments {
    /// Runs it.
    pub fn run(self) -> CommandResult {
        match self.command {
            Command::Serve(command) => block_on(2, command.run()),
            Command::Load(command) => block_on(2, command.run()),
            Command::Generate(command) => command.run(),
            Command::Burn(command) => block_on(1, command.run()),
        }
    }
}

impl Serve {
    async fn run(self) -> CommandResult {
        let cores = available_parallelism().map_or(1, |cores| cores.get());
        let service = Service::new(Cost {
            cpu_time: self.cpu_time,
            cpu_spread: self.cpu_spread,
            memory_bytes: self.memory_bytes,
            memory_hold: self.memory_hold,
            concurrency: self.concurrency.unwrap_or(cores),
            queue: self.queue,
            seed: self.seed,
        });
        self.listen.serve(service.router()).await
    }
}

impl Send {
    async fn run(self) -> CommandResult {
        let shape = match self.pattern {
            PatternName::Constant => Shape::Constant,
            PatternName::Step => Shape::Step,
            PatternName::Ramp => Shape::Ramp,
            PatternName::Sine => Shape::Sine,
            PatternName::Spike => Shape::Spike(self.spike_likelihood),
            PatternName::Daily => Shape::Daily(Daily::MIXED),
            PatternName::DailySmooth => Shape::Daily(Daily::SMOOTH),
            PatternName::DailySpiky => Shape::Daily(Daily::SPIKY),
        };
        let pattern = Pattern {
            shape,
            rate: self.rate,
            peak: self.peak.unwrap_or(5.0 * self.rate),
            period: self.period,
            seed: self.seed,
        };
        let plan = Load {
            url: self.url,
            pattern,
            duration: self.duration,
            concurrency: self.concurrency,
            timeout: self.timeout,
        };
        let client = Client::builder().redirect(redirect::Policy::none()).build()?;
        let summary = load(&plan, &client, shutdown::requested()?).await;
        write!(stdout(), "{summary}")?;
        match (summary.sent, summary.ok, summary.first_error) {
            (1.., 0, Some(error)) => Err(format!("no request succeeded: {error}").into()),
            _ => Ok(()),
        }
    }
}

impl Burn {
    async fn run(self) -> CommandResult {
        let shutdown = shutdown::requested()?;
        let _held = Held::new(self.memory_bytes);
        let _burner = Burner::start(self.cores);
        info!(cores = self.cores, memory_bytes = self.memory_bytes, "burning");
        match self.duration {
            // Whichever comes first: an elapsed time is what was asked for, no failure.
            Some(limit) => drop(tokio::time::timeout(limit, shutdown).await),
            None => shutdown.await,
        }
        Ok(())
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    amount::parse(text).map(|bytes| bytes as usize)
}

fn count(text: &str) -> Result<usize, String> {
    let expected = || "expected a whole number from 1 on".to_owned();
    text.parse().ok().filter(|count| *count > 0).ok_or_else(expected)
}

fn cores(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1024.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1e6)
}

fn ratio(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let expected = || format!("expected a number from {least} to {most}");
    text.parse().ok().filter(|n| (least..=most).contains(n)).ok_or_else(expected)
}

fn positive(text: &str) -> Result<Duration, String> {
    let parsed = duration::parse(text)?;
    if parsed.is_zero() { Err("expected a duration above 0".to_owned()) } else { Ok(parsed) }
}
