//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::super::history::History;
use crate::simulate::Net;
use crate::units::{Timestamp, amount, duration};

/// Play a recorded load before every policy, and say what each would have cost.
///
/// The functions that decide are those of the scaler. A replica serves once its start-up delay is over;
/// a minute is under-provisioned when the load is more than the replicas that serve can carry. In the
/// folder of --out: metrics_summary.csv (one line a run), sim_FORECASTER_POLICY.csv (one line a sample),
/// pictures, and report.html, which explains every figure.
#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true).args(["trace", "queries"])))]
pub struct Arguments {
    /// The load, .csv or .csv.gz
    #[arg(long, value_name = "FILE", requires = "column")]
    pub(super) trace: Option<PathBuf>,
    /// The column of the load
    #[arg(long, value_name = "NAME")]
    pub(super) column: Option<String>,
    /// The column with the time: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix seconds; "timestamp" by
    /// default, or else the first one
    #[arg(long, value_name = "NAME")]
    pub(super) time_column: Option<String>,
    /// What is sized: replicas, or the limit of one container, whose column is then what it uses
    #[arg(long, value_name = "NAME", default_value = "replicas", hide_possible_values = true)]
    pub(super) dimension: Sized,
    /// Of limits: how many cores or bytes (64, 256GB) a one in the column stands for
    #[arg(long, value_name = "AMOUNT", value_parser = amount::parse, default_value = "1")]
    pub(super) unit: f64,
    /// Of limits: the one at the start, in the unit of the column; by default 1.2 times the most of the
    /// first day
    #[arg(long, value_name = "SIZE", value_parser = positive)]
    pub(super) initial_limit: Option<f64>,
    /// The load that one replica carries, in the unit of the column
    #[arg(long, value_name = "LOAD", value_parser = positive, required_if_eq("dimension", "replicas"))]
    pub(super) capacity: Option<f64>,
    /// The policies, static5 being five replicas always; all that size replicas by default
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(super) policies: Option<Vec<String>>,
    /// Whose forecasts are followed: auto (all models by their record), cheap, short_term (boosting for
    /// the start-up delay), or models by name
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "naive")]
    pub(super) forecasters: Vec<String>,
    /// Ready-made forecasts instead of a model's: the time and yhat, pred, forecast, prediction or value
    /// (and yhat_upper or upper) or any one column, or what loadline forecast writes
    #[arg(long, value_name = "FILE", conflicts_with = "forecasters")]
    pub(super) forecast_file: Option<PathBuf>,
    /// Known events, which prophet learns from (auto includes it): a CSV file with the columns name, start,
    /// end, and every (a duration) where they come again
    #[arg(long, value_name = "FILE", conflicts_with = "forecast_file")]
    pub(super) events: Option<PathBuf>,
    /// How long a new replica takes until it serves; with 0s a decision counts for its own sample. 2m by
    /// default, 0s with --forecast-file
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) startup_delay: Option<Duration>,
    /// The time between two decisions
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1m")]
    pub(super) interval: Duration,
    /// After any change, how long nothing is taken away; policies that pace themselves keep to their own
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5m")]
    pub(super) cooldown: Duration,
    /// What comes before is known to models and policies, and is not scored
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub(super) train_until: Option<Timestamp>,
    /// Replicas at the start; by default what carries the 95th percentile of the training part, or 2 where
    /// there is none or with --forecast-file
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) initial_replicas: Option<u32>,
    /// The fewest replicas
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) min_replicas: u32,
    /// The most replicas
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_replicas: u32,
    /// Settings: the sections policy, guard and prometheus count. A policy counts for its own name
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The HPA at every target from 40 to 100 % besides
    #[arg(long)]
    pub(super) front: bool,
    /// Whom a replica more helps while answers take over 150 ms or the CPU is used over 90 %
    #[arg(long, value_name = "WHOM", default_value = "forecasts")]
    pub(super) safety_net: SafetyNet,
    /// What a replica costs an hour
    #[arg(long, value_name = "AMOUNT", default_value_t = 1.0, value_parser = positive)]
    pub(super) price: f64,
    /// How long a request takes once it is its turn, for the response times of the queue
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "40ms")]
    pub(super) service_time: Duration,
    /// A longer response violates the objective
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "150ms")]
    pub(super) objective: Duration,
    /// The folder to write to; it is made where it is missing
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) history: History,
}

/// What is sized.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sized {
    /// How many replicas
    Replicas,
    /// The CPU quota
    Cpu,
    /// The memory limit
    Memory,
}

/// Whom the safety net helps.
#[derive(Clone, Copy, ValueEnum)]
pub enum SafetyNet {
    /// Every policy
    On,
    /// None
    Off,
    /// Those that follow a forecast
    Forecasts,
}

impl From<SafetyNet> for Net {
    fn from(net: SafetyNet) -> Self {
        match net {
            SafetyNet::On => Self::On,
            SafetyNet::Off => Self::Off,
            SafetyNet::Forecasts => Self::Forecasts,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}
