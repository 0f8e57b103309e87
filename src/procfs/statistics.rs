//! `net/snmp` and `net/netstat`: the kernel's counters of a network namespace.

use super::file::{Failure, bad, lines, words};

/// One of the kernel's figures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statistic {
    /// The kernel's name in lower case.
    pub name: String,
    /// Mostly a count since the namespace was made; a few settings are below 0.
    pub value: i64,
}

/// The figures of one protocol: of each pair of lines that start with its name the first has names, the
/// second values.
pub(super) fn statistics(text: &[u8], protocol: &str) -> Result<Vec<Statistic>, Failure> {
    let mut found = Vec::new();
    let mut of_protocol = lines(text).filter_map(|(line, content)| {
        let rest = content.strip_prefix(protocol.as_bytes())?.strip_prefix(b":")?;
        Some((line, rest))
    });
    while let Some((line, names)) = of_protocol.next() {
        let (_, values) =
            of_protocol.next().ok_or_else(|| bad(line, "a second line of values", names))?;
        let mut values = words(values);
        for name in words(names) {
            let fail = || bad(line, "a whole number for each name", name);
            let value = values.next().and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
            let name = std::str::from_utf8(name).map_err(|_| fail())?.to_ascii_lowercase();
            found.push(Statistic { name, value: value.ok_or_else(fail)? });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_figures_of_one_protocol_are_told() {
        let text = b"Ip: Forwarding\nIp: 1\nTcp: RtoMin MaxConn InSegs\nTcp: 200 -1 2471851\nTcpExt: TW\nTcpExt: 5\n";
        let figures = statistics(text, "Tcp").expect("readable");
        let told: Vec<(&str, i64)> = figures.iter().map(|s| (s.name.as_str(), s.value)).collect();
        assert_eq!(told, [("rtomin", 200), ("maxconn", -1), ("insegs", 2_471_851)]);
        assert_eq!(statistics(text, "TcpExt").expect("readable").len(), 1);
        for broken in ["Tcp: A B\nTcp: 1\n", "Tcp: A\n", "Tcp: A\nTcp: x\n"] {
            assert!(statistics(broken.as_bytes(), "Tcp").is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "((Tcp:|TcpExt:)?[ A-Za-z0-9-]{0,20}\n?){0,8}") {
            let _ = statistics(text.as_bytes(), "Tcp");
        }

        #[test]
        fn what_the_kernel_writes_is_read(values in prop::collection::vec(any::<i64>(), 0..20)) {
            let names: Vec<String> = (0..values.len()).map(|n| format!(" Name{n}")).collect();
            let shown: Vec<String> = values.iter().map(|v| format!(" {v}")).collect();
            let text = format!("Tcp:{}\nTcp:{}\n", names.concat(), shown.concat());
            let read = statistics(text.as_bytes(), "Tcp").expect("readable");
            prop_assert_eq!(read.iter().map(|s| s.value).collect::<Vec<_>>(), values);
        }
    }
}
