//! Sizes: how they are rounded, and how they are told to a person.

use crate::target::Dimension;

/// `size` rounded up to a multiple of `chunk`; an error of floating point does not cost a chunk.
/// A chunk that is not a positive number rounds nothing.
pub fn round_up(dimension: Dimension, size: f64, chunk: f64) -> f64 {
    if !(chunk.is_finite() && chunk > 0.0) {
        return size;
    }
    finest(dimension, (size / chunk - 1e-9).ceil() * chunk)
}

/// `size` in the finest grain that can be had: a microsecond of a 100 ms period, a byte, a replica.
/// What is smaller than half a grain, or too large to be rounded, stays as it is.
pub fn finest(dimension: Dimension, size: f64) -> f64 {
    let rounded = match dimension {
        Dimension::Cpu => (size * 1e5).round() / 1e5,
        Dimension::Memory | Dimension::Replicas => size.round(),
    };
    if rounded.is_finite() && rounded != 0.0 { rounded } else { size }
}

/// A size for a person: `0.5 cores`, `512 MiB`, `3 replicas`.
pub fn describe(dimension: Dimension, size: f64) -> String {
    match dimension {
        Dimension::Cpu => match short(size, 3).as_str() {
            "1" => "1 core".to_owned(),
            number => format!("{number} cores"),
        },
        Dimension::Replicas => match short(size, 0).as_str() {
            "1" => "1 replica".to_owned(),
            number => format!("{number} replicas"),
        },
        Dimension::Memory => {
            let units = [("GiB", 1073741824.0), ("MiB", 1048576.0), ("KiB", 1024.0)];
            match units.into_iter().find(|(_, bytes)| size >= *bytes) {
                Some((unit, bytes)) => format!("{} {unit}", short(size / bytes, 2)),
                None => format!("{} B", short(size, 0)),
            }
        }
    }
}

/// A ratio for a person: `0.756` is `75.6 %`.
pub fn percent(ratio: f64) -> String {
    format!("{} %", short(ratio * 100.0, 1))
}

/// At most `decimals` decimals, and no zeros at their end.
pub fn short(value: f64, decimals: usize) -> String {
    // Most sizes are whole, and floats take ten times as long to write.
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return (value as i64).to_string();
    }
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dimension::{Cpu, Memory};

    #[test]
    fn sizes_on_the_grid_stay() {
        for n in 1..2000 {
            let size = f64::from(n) * 0.1;
            assert_eq!(round_up(Cpu, size, 0.1), f64::from(n) / 10.0, "{n} chunks");
        }
        assert_eq!(round_up(Cpu, 0.7001, 0.1), 0.8);
        assert_eq!(round_up(Memory, 51.0 * 1048576.0, 50.0 * 1048576.0), 100.0 * 1048576.0);
        assert_eq!(round_up(Cpu, 0.73, 0.0), 0.73);
    }

    #[test]
    fn people_read_units() {
        assert_eq!(describe(Cpu, 0.5), "0.5 cores");
        assert_eq!(describe(Cpu, 1.0), "1 core");
        assert_eq!(describe(Cpu, 2.0), "2 cores");
        assert_eq!(describe(Memory, 536870912.0), "512 MiB");
        assert_eq!(describe(Memory, 1610612736.0), "1.5 GiB");
        assert_eq!(describe(Memory, 0.0), "0 B");
        assert_eq!(percent(0.7564), "75.6 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
