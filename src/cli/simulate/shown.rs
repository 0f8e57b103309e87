//! The table on the terminal.

use std::io::{Write, stdout};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use super::super::CommandResult;
use crate::simulate::Run;

/// The name of a column, and what of a run it shows.
type Column = (&'static str, fn(&Run) -> String);

const COLUMNS: [Column; 10] = [
    ("replica-hours", |run| format!("{:.0}", run.figures.replica_hours)),
    ("under %", |run| format!("{:.2}", run.figures.under_time_percent)),
    ("under volume %", |run| format!("{:.2}", run.figures.under_volume_percent)),
    ("over %", |run| format!("{:.1}", run.figures.over_percent)),
    ("actions", |run| run.figures.actions.to_string()),
    ("SLO misses %", |run| format!("{:.2}", run.figures.slo_violations_percent)),
    ("p95 ms", |run| format!("{:.0}", run.figures.response_ms.p95)),
    ("υ %", |run| format!("{:.1}", run.figures.instability)),
    ("most", |run| run.figures.max_replicas.to_string()),
    ("cost", |run| format!("{:.2}", run.figures.cost)),
];

/// Prints one line a run.
pub fn print(runs: &[Run]) -> CommandResult {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    let names = ["policy", "forecaster"];
    table.set_header(names.into_iter().chain(COLUMNS.map(|(name, _)| name)));
    for run in runs {
        let cells = COLUMNS.map(|(_, show)| show(run));
        let own = [run.policy.clone(), run.forecaster.clone()];
        table.add_row(own.into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(names.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(stdout(), "{table}")?;
    Ok(())
}
