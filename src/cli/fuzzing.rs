//! The parser of this room for `fuzz/`, with what must hold of it.

use std::path::Path;

use super::table::Table;

/// A table in the file `path`: each row has its time and as many values as the others.
pub fn table(path: &Path) {
    let Ok(mut table) = Table::open(path, Some("time"), None) else { return };
    let mut width = None;
    while let Ok(Some(row)) = table.next_row() {
        assert_eq!(*width.get_or_insert(row.values.len()), row.values.len());
        assert!(row.values.iter().flatten().all(|value| value.is_finite()));
    }
}
