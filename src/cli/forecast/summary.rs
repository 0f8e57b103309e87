//! How good the forecasts of several models turned out to be, as a table.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table};

use crate::forecast::{Forecast, Kind, Series, Task, score};
use crate::units::duration;

const DAY_SECONDS: f64 = 86_400.0;

/// What came, and what each model had said of it.
pub struct Summary<'a> {
    task: &'a Task,
    series: &'a Series,
    /// The error of the seasonal naive forecast within the history.
    scale: f64,
    /// In the order in which they came.
    models: Vec<(String, Said)>,
}

/// What a model said, by horizon: one row a level, and last what came.
type Said = BTreeMap<usize, Vec<Vec<f64>>>;

impl<'a> Summary<'a> {
    pub fn new(task: &'a Task, series: &'a Series, first: usize) -> Self {
        let season = (DAY_SECONDS / task.step.as_secs_f64()).round() as usize;
        let scale = score::seasonal_scale(&series.values[..first], season);
        Self { task, series, scale, models: Vec::new() }
    }

    /// Takes in a forecast of `model`; what it says of times after the series is left out.
    pub fn add(&mut self, model: &str, forecast: &Forecast) {
        if self.models.last().is_none_or(|(name, _)| name != model) {
            self.models.push((model.to_owned(), Said::new()));
        }
        let Some((_, said)) = self.models.last_mut() else { return };
        let origin = self.series.before(forecast.origin);
        for (ahead, horizon) in self.task.horizons.iter().zip(&forecast.horizons) {
            let Some(actual) = self.series.values.get(origin + ahead) else { continue };
            let rows =
                said.entry(*ahead).or_insert_with(|| vec![Vec::new(); horizon.values.len() + 1]);
            for (row, value) in rows.iter_mut().zip(horizon.values.iter().chain([actual])) {
                row.push(*value);
            }
        }
    }

    /// One row a model and horizon.
    pub fn table(&self) -> Table {
        let levels = &self.task.levels;
        let (lowest, highest) = (levels.first().copied(), levels.last().copied());
        let percent = |level: Option<f64>| format!("{:.4}", 100.0 * level.unwrap_or_default());
        let percent = |level| percent(level).trim_end_matches('0').trim_end_matches('.').to_owned();
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_header([
            "model".to_owned(),
            "horizon".to_owned(),
            "MASE".to_owned(),
            "to naive".to_owned(),
            format!("pinball P{} %", percent(highest)),
            "to naive".to_owned(),
            format!("within P{}-P{} %", percent(lowest), percent(highest)),
        ]);
        let naive = self.models.iter().find(|(name, _)| name == Kind::Naive.name());
        for (name, said) in &self.models {
            for (ahead, rows) in said {
                let figures = self.figures(rows);
                let of_naive = naive.and_then(|(_, said)| said.get(ahead));
                let naive = of_naive.map_or([f64::NAN; 3], |rows| self.figures(rows));
                let after = self.task.step.saturating_mul(u32::try_from(*ahead).unwrap_or(1));
                table.add_row([
                    name.clone(),
                    duration::format(after),
                    format!("{:.3}", figures[0]),
                    format!("{:.3}", figures[0] / naive[0]),
                    format!("{:.3}", figures[1]),
                    format!("{:.3}", figures[1] / naive[1]),
                    format!("{:.1}", figures[2]),
                ]);
            }
        }
        table.column_iter_mut().skip(1).for_each(|c| c.set_cell_alignment(CellAlignment::Right));
        table
    }

    /// MASE of the level nearest to the median, pinball loss of the highest level in percent of the mean,
    /// and the percentage within the outermost levels.
    fn figures(&self, rows: &[Vec<f64>]) -> [f64; 3] {
        let Some((actual, rows)) = rows.split_last() else { return [f64::NAN; 3] };
        let levels = self.task.levels.iter().zip(rows);
        let middle = levels.clone().min_by(|a, b| (a.0 - 0.5).abs().total_cmp(&(b.0 - 0.5).abs()));
        let (Some((_, middle)), Some((_, low)), Some((level, high))) =
            (middle, levels.clone().next(), levels.clone().next_back())
        else {
            return [f64::NAN; 3];
        };
        let size = score::mae(&vec![0.0; actual.len()], actual);
        [
            score::mase(middle, actual, self.scale),
            100.0 * score::pinball(*level, high, actual) / size,
            100.0 * score::coverage(low, high, actual),
        ]
    }
}
