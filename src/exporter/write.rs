//! Bytes of an exposition: numbers, labels, headers.

use super::family::{Family, Kind};
use crate::web::Format;

/// A value, kept exact until it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A whole number.
    Whole(u64),
    /// A whole number that may be below 0.
    Signed(i64),
    /// Nanoseconds, printed as seconds.
    Nanoseconds(u64),
    /// Microseconds, printed as seconds.
    Microseconds(u64),
    /// 1 less than nothing: what cAdvisor prints for "none".
    MinusOne,
}

impl Number {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(n) => whole(n, out),
            Self::Signed(n) => {
                if n < 0 {
                    out.push(b'-');
                }
                whole(n.unsigned_abs(), out);
            }
            Self::Nanoseconds(n) => decimal(n, 9, out),
            Self::Microseconds(n) => decimal(n, 6, out),
            Self::MinusOne => out.extend_from_slice(b"-1"),
        }
    }
}

/// Decimal digits of the greatest u64.
const MOST_DIGITS: usize = 20;

fn whole(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; MOST_DIGITS];
    let mut at = MOST_DIGITS;
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes `n` · 10^-`places`, without trailing zeros.
fn decimal(n: u64, places: u32, out: &mut Vec<u8>) {
    let scale = 10u64.pow(places);
    whole(n / scale, out);
    let mut fraction = n % scale;
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut unit = scale / 10;
    while fraction != 0 {
        out.push(b'0' + (fraction / unit) as u8);
        fraction %= unit;
        unit /= 10;
    }
}

/// Appends `name="value"` with the value escaped, after a comma where it is not the first.
pub(super) fn label(name: &str, value: &str, out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(value, true, out);
    out.push(b'"');
}

/// Backslashes and line ends, and quotes where asked for. Both formats escape label values alike.
fn escape(text: &str, quotes: bool, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes => out.extend_from_slice(b"\\\""),
            other => out.push(other),
        }
    }
}

/// The lines of one family. The header is written with the first sample: a family without samples is
/// left out.
pub(super) struct Lines<'a> {
    family: &'a Family,
    format: Format,
    out: &'a mut Vec<u8>,
    started: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(family: &'a Family, format: Format, out: &'a mut Vec<u8>) -> Self {
        Self { family, format, out, started: false }
    }

    /// One sample; `labels` and `more` are rendered labels, either may be empty.
    pub(super) fn sample(&mut self, labels: &[u8], more: &[u8], value: Number) {
        if !self.started {
            self.started = true;
            self.header();
        }
        self.out.extend_from_slice(self.family.name.as_bytes());
        if !labels.is_empty() || !more.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(labels);
            if !labels.is_empty() && !more.is_empty() {
                self.out.push(b',');
            }
            self.out.extend_from_slice(more);
            self.out.push(b'}');
        }
        self.out.push(b' ');
        value.write(self.out);
        self.out.push(b'\n');
    }

    /// One sample without labels, where there is a value.
    pub(super) fn only(&mut self, value: Option<Number>) {
        if let Some(value) = value {
            self.sample(b"", b"", value);
        }
    }

    fn header(&mut self) {
        let Family { name, kind, help, .. } = self.family;
        let (name, kind) = match (self.format, kind) {
            // OpenMetrics names a counter's family without the suffix.
            (Format::OpenMetrics, Kind::Counter) => {
                (name.strip_suffix("_total").unwrap_or(name), "counter")
            }
            (Format::Text, Kind::Counter) => (*name, "counter"),
            (_, Kind::Gauge) => (*name, "gauge"),
            (Format::Text, Kind::Unknown) => (*name, "untyped"),
            (Format::OpenMetrics, Kind::Unknown) => (*name, "unknown"),
        };
        for part in ["# HELP ", name, " "] {
            self.out.extend_from_slice(part.as_bytes());
        }
        escape(help, self.format == Format::OpenMetrics, self.out);
        for part in ["\n# TYPE ", name, " ", kind, "\n"] {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: Number) -> String {
        let mut out = Vec::new();
        number.write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(text(Number::Whole(u64::MAX)), "18446744073709551615");
        assert_eq!(text(Number::Signed(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(Number::Signed(7)), "7");
        assert_eq!(text(Number::Nanoseconds(0)), "0");
        assert_eq!(text(Number::Nanoseconds(1)), "0.000000001");
        assert_eq!(text(Number::Nanoseconds(12_500_000_000)), "12.5");
        assert_eq!(text(Number::Microseconds(1_000_001)), "1.000001");
    }

    #[test]
    fn labels_are_escaped() {
        let mut out = Vec::new();
        label("id", "/a\\x2d\"b\"\nç", &mut out);
        label("name", "", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), r#"id="/a\\x2d\"b\"\nç",name="""#);
    }

    proptest! {
        #[test]
        fn labels_read_back(value in "(.|\n|\\\\|\"){0,20}") {
            let mut out = Vec::new();
            label("id", &value, &mut out);
            let text = String::from_utf8(out).expect("UTF-8");
            let inner = text.strip_prefix("id=\"").and_then(|t| t.strip_suffix('"')).expect("quoted");
            prop_assert!(!inner.contains('\n'));
            let mut back = String::new();
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                prop_assert_ne!(c, '"');
                back.push(match c {
                    '\\' => match chars.next().expect("an escape is complete") { 'n' => '\n', other => other },
                    plain => plain,
                });
            }
            prop_assert_eq!(back, value);
        }

        #[test]
        fn decimals_read_back(n in any::<u64>()) {
            let back = |text: String, places: usize| {
                let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
                prop_assert!(!fraction.ends_with('0'));
                let digits = format!("{whole}{fraction:0<places$}");
                prop_assert_eq!(digits.parse::<u64>(), Ok(n));
                Ok(())
            };
            back(text(Number::Nanoseconds(n)), 9)?;
            back(text(Number::Microseconds(n)), 6)?;
        }
    }
}
