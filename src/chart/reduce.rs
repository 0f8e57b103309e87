//! Long series → what can be told apart on a picture.

/// What a picture shows of the points of one column of pixels.
#[derive(Clone, Copy)]
struct Column {
    first: (f64, f64),
    least: (f64, f64),
    most: (f64, f64),
    last: (f64, f64),
}

impl Column {
    fn of(point: (f64, f64)) -> Self {
        Self { first: point, least: point, most: point, last: point }
    }

    fn add(&mut self, point: (f64, f64)) {
        if point.0 < self.first.0 {
            self.first = point;
        }
        if point.1 < self.least.1 {
            self.least = point;
        }
        if point.1 > self.most.1 {
            self.most = point;
        }
        if point.0 >= self.last.0 {
            self.last = point;
        }
    }

    /// Its points by x, each once.
    fn points(&self) -> Vec<(f64, f64)> {
        let mut points = vec![self.first, self.least, self.most, self.last];
        // The first and the last stay where they are: the others lie between them.
        points[1..3].sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup();
        points
    }
}

/// What a column of pixels holds.
#[derive(Clone, Copy)]
enum Cell {
    Nothing,
    /// Only points without a value.
    Gap,
    Values(Column),
}

/// Pieces of a line, each of points by x: of the points that fall into one of `columns` equal parts of
/// `from`..=`to` the first, the smallest, the largest and the last. A part that holds none but missing
/// values breaks the line.
pub fn reduce(
    points: &[(f64, Option<f64>)],
    (from, to): (f64, f64),
    columns: usize,
) -> Vec<Vec<(f64, f64)>> {
    let mut cells = vec![Cell::Nothing; columns.max(1)];
    let scale = columns as f64 / (to - from);
    for &(x, y) in points {
        if !x.is_finite() {
            continue;
        }
        // The cast saturates; what lies outside falls into the first or the last column.
        let index = (((x - from) * scale) as usize).min(cells.len() - 1);
        let value = y.filter(|y| y.is_finite());
        cells[index] = match (cells[index], value) {
            (Cell::Values(mut column), Some(y)) => {
                column.add((x, y));
                Cell::Values(column)
            }
            (_, Some(y)) => Cell::Values(Column::of((x, y))),
            (Cell::Nothing, None) => Cell::Gap,
            (cell, None) => cell,
        };
    }
    let mut pieces = vec![Vec::new()];
    for cell in cells {
        match cell {
            Cell::Nothing => {}
            Cell::Gap => pieces.push(Vec::new()),
            Cell::Values(column) => {
                if let Some(piece) = pieces.last_mut() {
                    piece.extend(column.points());
                }
            }
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_value_breaks_the_line_where_it_can_be_seen() {
        let points = [(0.0, Some(1.0)), (1.0, None), (2.0, Some(3.0)), (3.0, Some(4.0))];
        let wide = reduce(&points, (0.0, 4.0), 4);
        assert_eq!(wide, [vec![(0.0, 1.0)], vec![(2.0, 3.0), (3.0, 4.0)]]);
        let narrow = reduce(&points, (0.0, 4.0), 2);
        assert_eq!(narrow, [vec![(0.0, 1.0), (2.0, 3.0), (3.0, 4.0)]]);
    }

    proptest! {
        /// However long a series is, each column shows the smallest and the largest of what is there.
        #[test]
        fn no_spike_is_lost(
            points in proptest::collection::vec(
                (0.0f64..100.0, proptest::option::weighted(0.9, -1e6f64..1e6)),
                0..2000,
            ),
            columns in 1usize..50,
        ) {
            let column = |x: f64| ((x * columns as f64 / 100.0) as usize).min(columns - 1);
            let kept: Vec<(f64, f64)> = reduce(&points, (0.0, 100.0), columns).concat();
            prop_assert!(kept.len() <= 4 * columns);
            prop_assert!(kept.iter().all(|(x, y)| points.contains(&(*x, Some(*y)))));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            for index in 0..columns {
                let all = points.iter().filter(|p| column(p.0) == index).filter_map(|p| p.1);
                let some = kept.iter().filter(|p| column(p.0) == index).map(|p| p.1);
                prop_assert_eq!(all.clone().reduce(f64::min), some.clone().reduce(f64::min));
                prop_assert_eq!(all.reduce(f64::max), some.reduce(f64::max));
            }
        }
    }
}
