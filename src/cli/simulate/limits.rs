//! The limit of one container: the same protocol, with other scores.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use indicatif::ProgressBar;

use super::super::CommandResult;
use super::super::output::write_atomically;
use super::arguments::{Arguments, Sized};
use super::given::Refused;
use crate::config::PolicyFile;
use crate::policy::size::describe;
use crate::simulate::NO_FORECASTER;
use crate::simulate::vertical::{Chooser, Player, Run, Setting, play_all, report};
use crate::target::{Dimension, Resource};

impl Arguments {
    /// The limit that is sized; `None` where it is replicas.
    pub(super) fn resource(&self) -> Option<Resource> {
        match self.dimension {
            Sized::Replicas => None,
            Sized::Cpu => Some(Resource::Cpu),
            Sized::Memory => Some(Resource::Memory),
        }
    }

    /// Plays the use, writes what came of it, prints a table.
    ///
    /// # Errors
    /// As [`Arguments::run`].
    pub(super) fn run_limits(&self, resource: Resource, settings: &PolicyFile) -> CommandResult {
        if self.events.is_some() {
            return Err("--events: limits are sized without forecasts".into());
        }
        let setting = self.limit_setting(resource, settings)?;
        let players = self.players(settings, setting.dimension())?;
        fs::create_dir_all(&self.out)
            .map_err(|e| format!("--out {}: cannot make the folder: {e}", self.out.display()))?;
        let bar = ProgressBar::new(players.len() as u64);
        let runs = play_all(&setting, &players, &|| bar.inc(1));
        bar.finish_and_clear();
        for run in &runs {
            let name = format!("sim_{NO_FORECASTER}_{}.csv", run.policy);
            let rows = report::rows(&setting, run);
            write_table(&self.out.join(name), &report::ROW_COLUMNS, rows)?;
        }
        let png = report::picture(&setting, &runs)?;
        write_atomically(&self.out.join("limits.png"), |file| file.write_all(&png))?;
        let page = report::page(&self.title(), &setting, &runs, &png);
        write_atomically(&self.out.join("report.html"), |file| file.write_all(page.as_bytes()))?;
        let records = runs.iter().map(|run| report::record(run, NO_FORECASTER));
        write_table(&self.out.join("metrics_summary.csv"), &report::COLUMNS, records)?;
        print(&runs, setting.dimension())
    }

    fn limit_setting(&self, resource: Resource, settings: &PolicyFile) -> Result<Setting, Refused> {
        let mut usage = self.load(settings)?;
        for value in &mut usage.values {
            *value *= self.unit;
        }
        let score_from = self.train_until.map(|_| self.test_from(&usage)).transpose()?;
        let every = self.every(&usage)?;
        let mut setting = Setting { every, ..Setting::new(usage, resource) };
        if let Some(score_from) = score_from {
            setting.score_from = score_from;
        }
        if let Some(initial) = self.initial_limit {
            setting.initial = initial * self.unit;
        }
        Ok(setting)
    }

    /// Who is compared: a configured policy counts for its own name.
    fn players(&self, settings: &PolicyFile, dimension: Dimension) -> Result<Vec<Player>, Refused> {
        let all = || Player::names(dimension).iter().map(|name| (*name).to_owned()).collect();
        let mut names: Vec<String> = self.policies.clone().unwrap_or_else(all);
        if let (Some(policy), None) = (&settings.policy, &self.policies)
            && policy.supports(dimension)
            && !names.iter().any(|name| name == policy.name())
        {
            names.push(policy.name().to_owned());
        }
        let mut players: Vec<Player> = Vec::new();
        for name in &names {
            if players.iter().any(|player| player.name == *name) {
                return Err(format!("--policies: {name} stands there twice").into());
            }
            let configured = settings.policy.clone().filter(|policy| policy.name() == name);
            let player = match configured {
                Some(policy) => Player::new(Chooser::Policy(policy), None, dimension),
                None => Player::named(name, dimension),
            };
            let mut player = player.ok_or_else(|| {
                let names = Player::names(dimension).join(", ");
                format!(
                    "--policies: there is no policy {name:?} of {dimension}; among others: {names}"
                )
            })?;
            if let Some(guard) = &settings.guard {
                player.guard = guard.clone();
            }
            players.push(player);
        }
        Ok(players)
    }
}

fn write_table<const N: usize>(
    path: &Path,
    columns: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> CommandResult {
    write_atomically(path, |file| {
        let mut lines = csv::Writer::from_writer(file);
        lines.write_record(columns)?;
        for row in rows {
            lines.write_record(row)?;
        }
        Ok(lines.flush()?)
    })
}

/// Prints one line a run.
fn print(runs: &[Run], dimension: Dimension) -> CommandResult {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    let columns = ["policy", "mean limit", "slack %", "above limit %", "events/day", "changes/day"];
    table.set_header(columns);
    for run in runs {
        let of = &run.figures;
        table.add_row([
            run.policy.clone(),
            describe(dimension, of.mean_limit),
            format!("{:.1}", of.slack_percent),
            format!("{:.3}", of.above_limit_percent),
            format!("{:.3}", of.above_events_per_day),
            format!("{:.1}", of.changes_per_day),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(stdout(), "{table}")?;
    Ok(())
}
