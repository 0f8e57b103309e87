//! Which days files are of, told by their names.

use std::fmt;
use std::str::FromStr;

/// A month, or a day of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateFilter {
    year: i16,
    month: i8,
    day: Option<i8>,
}

impl DateFilter {
    /// Whether the file `name` is of this time: `…_YYYYMMDD.csv`. A name that tells no day never is.
    pub fn matches(self, name: &str) -> bool {
        let file = name.rsplit('/').next().unwrap_or(name);
        let stem = file.split('.').next().unwrap_or(file);
        let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let (Some(year), Some(month), Some(day), 8) =
            (digits.get(..4), digits.get(4..6), digits.get(6..8), digits.len())
        else {
            return false;
        };
        year.parse() == Ok(self.year)
            && month.parse() == Ok(self.month)
            && self.day.is_none_or(|wanted| day.parse() == Ok(wanted))
    }
}

impl FromStr for DateFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail =
            || format!("expected a month or a day such as 2026-01 or 2026-01-31, found {text:?}");
        let whole = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
        let date: jiff::civil::Date = whole.parse().map_err(|_| fail())?;
        // The parser knows more forms than these two.
        let day = match text.len() {
            7 => None,
            10 => Some(date.day()),
            _ => return Err(fail()),
        };
        Ok(Self { year: date.year(), month: date.month(), day })
    }
}

impl fmt::Display for DateFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)?;
        self.day.map_or(Ok(()), |day| write!(f, "-{day:02}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        let month: DateFilter = "2026-01".parse().expect("a month");
        let day: DateFilter = "2026-01-31".parse().expect("a day");
        for (name, of_month, of_day) in [
            ("metrics/2026/01/metrics_20260131.csv", true, true),
            ("metrics_20260131.csv.gz", true, true),
            ("metrics_20260101.csv", true, false),
            ("metrics_20250131.csv", false, false),
            ("2026/01/metrics.csv", false, false),
            ("metrics_2026.csv", false, false),
        ] {
            assert_eq!((month.matches(name), day.matches(name)), (of_month, of_day), "{name}");
        }
        assert_eq!((month.to_string(), day.to_string()), ("2026-01".into(), "2026-01-31".into()));
        for text in ["2026", "2026-13", "2026-02-30", "20260131", "January", ""] {
            assert!(text.parse::<DateFilter>().is_err(), "{text}");
        }
    }
}
