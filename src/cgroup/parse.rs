//! Parsers of the kernel's small text files. They work on bytes and allocate nothing but in an error.

use super::reading::Count;
use crate::units::Limit;

/// What is wrong with a file's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadText {
    /// The line, counted from 1.
    pub line: usize,
    pub expected: &'static str,
    pub found: String,
}

impl BadText {
    fn new(line: usize, expected: &'static str, found: &[u8]) -> Self {
        let shown = &found[..found.len().min(80)];
        Self { line, expected, found: String::from_utf8_lossy(shown).into_owned() }
    }
}

type Parsed<T> = Result<T, BadText>;

/// A decimal number without sign that fits.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The lines of a text with their numbers, empty ones left out.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.split(|b| *b == b'\n').zip(1..).filter(|(line, _)| !line.is_empty()).map(|(l, n)| (n, l))
}

/// Splits at the first `separator`.
fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

fn only_line(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// A file of one number.
pub(crate) fn single(text: &[u8]) -> Parsed<u64> {
    let line = only_line(text);
    number(line).ok_or_else(|| BadText::new(1, "a number", line))
}

/// A file of one v2 limit: a number or `max`.
pub(crate) fn limit(text: &[u8]) -> Parsed<Limit<u64>> {
    let line = only_line(text);
    limit_word(line).ok_or_else(|| BadText::new(1, "a number or \"max\"", line))
}

fn limit_word(word: &[u8]) -> Option<Limit<u64>> {
    if word == b"max" { Some(Limit::Max) } else { number(word).map(Limit::At) }
}

/// A file of one v1 limit of bytes. The kernel writes "no limit" as the greatest multiple of a page, so
/// all above 2^62 is no limit, as in cAdvisor.
pub(crate) fn v1_bytes(text: &[u8]) -> Parsed<Limit<u64>> {
    single(text).map(|bytes| if bytes > 1 << 62 { Limit::Max } else { Limit::At(bytes) })
}

/// `cpu.cfs_quota_us`: microseconds, or -1 for no limit.
pub(crate) fn v1_quota(text: &[u8]) -> Parsed<Limit<u64>> {
    let line = only_line(text);
    if line == b"-1" {
        return Ok(Limit::Max);
    }
    number(line).map(Limit::At).ok_or_else(|| BadText::new(1, "microseconds or -1", line))
}

/// `cpu.max`: quota and period in microseconds.
pub(crate) fn cpu_max(text: &[u8]) -> Parsed<(Limit<u64>, u64)> {
    let line = only_line(text);
    split_once(line, b' ')
        .and_then(|(quota, period)| Some((limit_word(quota)?, number(period)?)))
        .ok_or_else(|| BadText::new(1, "a quota or \"max\", and a period", line))
}

/// The value of a key; read only where the key is known, so that strange keys do no harm.
pub(crate) struct Value<'a> {
    line: usize,
    text: &'a [u8],
}

impl Value<'_> {
    pub(crate) fn number(&self) -> Parsed<u64> {
        number(self.text).ok_or_else(|| BadText::new(self.line, "a number", self.text))
    }

    /// The number times `factor`, saturating.
    pub(super) fn times(&self, factor: u64) -> Parsed<Option<u64>> {
        self.number().map(|n| Some(n.saturating_mul(factor)))
    }

    pub(super) fn count(&self) -> Parsed<Option<Count>> {
        self.number().map(Count::new)
    }
}

/// Calls `take` with each key and value of a file of `key value` lines.
pub(crate) fn pairs<'a>(
    text: &'a [u8],
    mut take: impl FnMut(&'a [u8], Value<'a>) -> Parsed<()>,
) -> Parsed<()> {
    for (line, content) in lines(text) {
        let (key, value) = split_once(content, b' ')
            .ok_or_else(|| BadText::new(line, "a key and a value", content))?;
        take(key, Value { line, text: value })?;
    }
    Ok(())
}

/// Calls `take` with each resource line of a pressure file: `some` or `full`, and its total in microseconds.
pub(super) fn pressure(text: &[u8], mut take: impl FnMut(&[u8], u64)) -> Parsed<()> {
    for (line, content) in lines(text) {
        let total = content
            .split(|b| *b == b' ')
            .find_map(|field| field.strip_prefix(b"total="))
            .and_then(number)
            .ok_or_else(|| BadText::new(line, "some or full with a total=", content))?;
        let kind = content.split(|b| *b == b' ').next().unwrap_or_default();
        take(kind, total);
    }
    Ok(())
}

fn device(text: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = split_once(text, b':')?;
    Some((u32::try_from(number(major)?).ok()?, u32::try_from(number(minor)?).ok()?))
}

/// Calls `take` with major, minor, key and value of each field of `io.stat`
/// (`8:0 rbytes=1 wbytes=2`). A device without fields, as some kernels print, is left out.
pub(super) fn io_stat<'a>(
    text: &'a [u8],
    mut take: impl FnMut((u32, u32), &'a [u8], Value<'a>) -> Parsed<()>,
) -> Parsed<()> {
    for (line, content) in lines(text) {
        let fail = || BadText::new(line, "a device and key=value fields", content);
        let mut fields = content.split(|b| *b == b' ').filter(|f| !f.is_empty());
        let Some(id) = fields.next().and_then(device) else {
            return Err(fail());
        };
        for field in fields {
            let (key, value) = split_once(field, b'=').ok_or_else(fail)?;
            take(id, key, Value { line, text: value })?;
        }
    }
    Ok(())
}

/// Calls `take` with major, minor, operation and count of each line of a v1 block file (`8:0 Read 4096`).
/// The line `Total N` is left out.
pub(super) fn blkio<'a>(
    text: &'a [u8],
    mut take: impl FnMut((u32, u32), &'a [u8], u64),
) -> Parsed<()> {
    for (line, content) in lines(text) {
        let fail = || BadText::new(line, "a device, an operation and a number", content);
        let (first, rest) = split_once(content, b' ').ok_or_else(fail)?;
        if first == b"Total" {
            continue;
        }
        let (operation, count) = split_once(rest, b' ').ok_or_else(fail)?;
        take(device(first).ok_or_else(fail)?, operation, number(count).ok_or_else(fail)?);
    }
    Ok(())
}

/// Calls `take` with each number of a file that has one a line.
pub(super) fn numbers(text: &[u8], mut take: impl FnMut(u64)) -> Parsed<()> {
    for (line, content) in lines(text) {
        take(number(content).ok_or_else(|| BadText::new(line, "a number", content))?);
    }
    Ok(())
}

/// The numbers of a file that has them all in one line, with a blank after each.
pub(super) fn row(text: &[u8]) -> Parsed<Vec<u64>> {
    let words = only_line(text).split(|b| *b == b' ').filter(|word| !word.is_empty());
    words.map(|word| number(word).ok_or_else(|| BadText::new(1, "numbers", word))).collect()
}

/// Calls `take` with key, node and figure of each field of `memory.numa_stat`: `anon N0=1 N1=2`, on v1
/// with the sum first: `anon=3 N0=1 N1=2`.
pub(super) fn numa_stat<'a>(
    text: &'a [u8],
    mut take: impl FnMut(&'a [u8], u32, Value<'a>) -> Parsed<()>,
) -> Parsed<()> {
    for (line, content) in lines(text) {
        let fail = || BadText::new(line, "a key and N0=number fields", content);
        let mut fields = content.split(|b| *b == b' ').filter(|f| !f.is_empty());
        let first = fields.next().ok_or_else(fail)?;
        let key = split_once(first, b'=').map_or(first, |(key, _)| key);
        for field in fields {
            let (node, text) = split_once(field, b'=').ok_or_else(fail)?;
            let node = node.strip_prefix(b"N").and_then(number).ok_or_else(fail)?;
            let node = u32::try_from(node).map_err(|_| fail())?;
            take(key, node, Value { line, text })?;
        }
    }
    Ok(())
}

/// The line `oom_kill` of `/proc/vmstat`.
pub(super) fn oom_kills(vmstat: &[u8]) -> Option<u64> {
    let line = lines(vmstat).find_map(|(_, line)| line.strip_prefix(b"oom_kill "))?;
    number(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(single(b"0\n"), Ok(0));
        assert_eq!(single(b"18446744073709551615\n"), Ok(u64::MAX));
        for bad in [&b""[..], b"\n", b"-1\n", b"18446744073709551616\n", b"1 2\n", b"1\n2\n", b"x"]
        {
            assert!(single(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn limits_know_their_absence() {
        assert_eq!(limit(b"max\n"), Ok(Limit::Max));
        assert_eq!(limit(b"4096\n"), Ok(Limit::At(4096)));
        assert_eq!(v1_bytes(b"9223372036854771712\n"), Ok(Limit::Max));
        assert_eq!(v1_bytes(b"4611686018427387904\n"), Ok(Limit::At(1 << 62)));
        assert_eq!(v1_quota(b"-1\n"), Ok(Limit::Max));
        assert_eq!(v1_quota(b"50000\n"), Ok(Limit::At(50_000)));
        assert!(v1_quota(b"-2\n").is_err());
        assert_eq!(cpu_max(b"max 100000\n"), Ok((Limit::Max, 100_000)));
        assert_eq!(cpu_max(b"150000 100000\n"), Ok((Limit::At(150_000), 100_000)));
        assert!(cpu_max(b"150000\n").is_err());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = pairs(b"anon 1\nfile x\n", |_, v| v.number().map(drop)).expect_err("garbage");
        assert_eq!(error, BadText { line: 2, expected: "a number", found: "x".into() });
        let error = blkio(b"8:0 Read 1\n8:0 Write\n", |_, _, _| ()).expect_err("garbage");
        assert_eq!(error.line, 2);
    }

    #[test]
    fn device_lines() {
        let mut seen = Vec::new();
        io_stat(b"8:0 rbytes=1 wios=2\n253:1 \n", |id, key, value| {
            seen.push((id, key.to_vec(), value.number()?));
            Ok(())
        })
        .expect("parses");
        assert_eq!(seen, [((8, 0), b"rbytes".to_vec(), 1), ((8, 0), b"wios".to_vec(), 2)]);
        let mut seen = Vec::new();
        blkio(b"8:0 Read 1\n8:0 Write 2\nTotal 3\n", |id, op, n| seen.push((id, op.to_vec(), n)))
            .expect("parses");
        assert_eq!(seen, [((8, 0), b"Read".to_vec(), 1), ((8, 0), b"Write".to_vec(), 2)]);
    }

    #[test]
    fn pressure_totals() {
        let text = b"some avg10=0.48 avg60=0.53 avg300=0.73 total=165\nfull avg10=0.00 total=7\n";
        let mut seen = Vec::new();
        pressure(text, |kind, total| seen.push((kind.to_vec(), total))).expect("parses");
        assert_eq!(seen, [(b"some".to_vec(), 165), (b"full".to_vec(), 7)]);
        assert!(pressure(b"some avg10=0.00\n", |_, _| ()).is_err());
    }

    #[test]
    fn rows_of_numbers() {
        assert_eq!(row(b"6628 669325 \n"), Ok(vec![6628, 669_325]));
        assert_eq!(row(b"\n"), Ok(vec![]));
        assert!(row(b"1 x\n").is_err());
    }

    #[test]
    fn nodes_of_both_versions() {
        let text = b"total=9 N0=4 N1=5\nanon N0=4096 N1=0\n";
        let mut seen = Vec::new();
        numa_stat(text, |key, node, value| {
            seen.push((key.to_vec(), node, value.number()?));
            Ok(())
        })
        .expect("parses");
        let expected = [("total", 0, 4), ("total", 1, 5), ("anon", 0, 4096), ("anon", 1, 0)];
        assert_eq!(seen, expected.map(|(key, node, n)| (key.as_bytes().to_vec(), node, n)));
        for bad in [&b"anon N0\n"[..], b"anon M0=1\n", b"anon N=1\n", b"anon N4294967296=1\n"] {
            assert!(numa_stat(bad, |_, _, _| Ok(())).is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn nodes_come_back(
            rows in prop::collection::vec(
                ("[a-z_]{1,12}", prop::collection::vec((any::<u32>(), any::<u64>()), 1..4)), 0..6),
            sums in any::<bool>(),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (key, nodes) in &rows {
                text += key;
                text += if sums { "=7" } else { "" };
                for (node, n) in nodes {
                    text += &format!(" N{node}={n}");
                    expected.push((key.clone(), *node, *n));
                }
                text.push('\n');
            }
            let mut back = Vec::new();
            numa_stat(text.as_bytes(), |key, node, value| {
                back.push((String::from_utf8_lossy(key).into_owned(), node, value.number()?));
                Ok(())
            }).expect("well-formed");
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn rows_come_back(numbers in prop::collection::vec(any::<u64>(), 0..9)) {
            let text: String = numbers.iter().map(|n| format!("{n} ")).collect();
            prop_assert_eq!(row((text + "\n").as_bytes()), Ok(numbers));
        }

        #[test]
        fn numbers_agree_with_the_standard_library(text in "[0-9]{0,22}|.{0,8}") {
            let ours = number(text.as_bytes());
            let theirs = if text.starts_with('+') { None } else { text.parse::<u64>().ok() };
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn pairs_come_back(entries in prop::collection::vec(("[a-z_]{1,12}", any::<u64>()), 0..20)) {
            let text: String = entries.iter().map(|(k, v)| format!("{k} {v}\n")).collect();
            let mut back = Vec::new();
            pairs(text.as_bytes(), |key, value| {
                back.push((String::from_utf8_lossy(key).into_owned(), value.number()?));
                Ok(())
            }).expect("well-formed");
            prop_assert_eq!(back, entries);
        }

        #[test]
        fn devices_come_back(
            entries in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u64>()), 0..20)
        ) {
            let v1: String = entries.iter().map(|(a, b, n)| format!("{a}:{b} Read {n}\n")).collect();
            let mut back = Vec::new();
            blkio(v1.as_bytes(), |(a, b), _, n| back.push((a, b, n))).expect("well-formed");
            prop_assert_eq!(&back, &entries);
            let v2: String = entries.iter().map(|(a, b, n)| format!("{a}:{b} rbytes={n}\n")).collect();
            back.clear();
            io_stat(v2.as_bytes(), |(a, b), _, value| {
                back.push((a, b, value.number()?));
                Ok(())
            }).expect("well-formed");
            prop_assert_eq!(back, entries);
        }

        #[test]
        fn any_bytes_parse_or_are_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = single(&text);
            let _ = limit(&text);
            let _ = v1_bytes(&text);
            let _ = v1_quota(&text);
            let _ = cpu_max(&text);
            let _ = pairs(&text, |_, value| value.times(1_000_000).map(drop));
            let _ = pressure(&text, |_, _| ());
            let _ = io_stat(&text, |_, _, value| value.number().map(drop));
            let _ = blkio(&text, |_, _, _| ());
            let _ = row(&text);
            let _ = numa_stat(&text, |_, _, value| value.number().map(drop));
        }
    }
}
