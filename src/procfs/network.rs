//! `net/dev`: the traffic of the interfaces of a network namespace.

use super::file::{Failure, bad, lines, number, words};

/// One interface of a network namespace, since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the namespace.
    pub name: String,
    /// What came in.
    pub received: Traffic,
    /// What went out.
    pub transmitted: Traffic,
}

/// Traffic of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets with errors.
    pub errors: u64,
    /// Packets dropped.
    pub dropped: u64,
}

/// Interfaces whose names start so are left out, as in cAdvisor: loopback, and the host's ends and
/// bridges of containers, whose traffic the containers tell themselves.
const IGNORED: [&str; 4] = ["lo", "veth", "docker", "nerdctl"];

/// The two lines above the interfaces.
const HEADER_LINES: usize = 2;

/// Reads `net/dev`. An interface whose name is not UTF-8 is left out.
pub(super) fn interfaces(text: &[u8]) -> Result<Vec<Interface>, Failure> {
    let mut found = Vec::new();
    for (line, content) in lines(text).filter(|(line, _)| *line > HEADER_LINES) {
        let fail = || bad(line, "a name, a colon and 16 numbers", content);
        let colon = content.iter().position(|b| *b == b':').ok_or_else(fail)?;
        let Ok(name) = std::str::from_utf8(content[..colon].trim_ascii()) else { continue };
        let mut fields = [0; 16];
        let mut given = words(&content[colon + 1..]);
        for field in &mut fields {
            *field = given.next().and_then(number).ok_or_else(fail)?;
        }
        if !is_ignored(name) {
            let [received, transmitted] = [0, 8].map(|at| Traffic {
                bytes: fields[at],
                packets: fields[at + 1],
                errors: fields[at + 2],
                dropped: fields[at + 3],
            });
            found.push(Interface { name: name.to_owned(), received, transmitted });
        }
    }
    Ok(found)
}

fn is_ignored(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    IGNORED.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "Inter-|   Receive                            |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    #[test]
    fn interfaces_are_told_but_for_the_ignored() {
        let text = format!(
            "{HEADER}    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:100 2 3 4 5 6 7 8 900 10 11 12 13 14 15 16\n\
             Docker0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\nveth1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
        );
        let eth0 = Interface {
            name: "eth0".into(),
            received: Traffic { bytes: 100, packets: 2, errors: 3, dropped: 4 },
            transmitted: Traffic { bytes: 900, packets: 10, errors: 11, dropped: 12 },
        };
        assert_eq!(interfaces(text.as_bytes()).expect("readable"), [eth0]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let text = format!("{HEADER}  eth0: 100 2 3\n");
        let error = interfaces(text.as_bytes()).expect_err("too short");
        assert!(matches!(error, Failure::Broken(m) if m.starts_with("line 3: expected a name")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = interfaces(&text);
        }

        #[test]
        fn what_the_kernel_writes_is_read(
            name in "[a-km-uw-z][a-z0-9.@-]{0,14}",
            fields in prop::array::uniform16(any::<u64>()),
        ) {
            prop_assume!(!is_ignored(&name));
            let numbers: Vec<String> = fields.iter().map(u64::to_string).collect();
            let text = format!("{HEADER}{name:>6}:{}\n", numbers.join(" "));
            let read = interfaces(text.as_bytes()).expect("readable");
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].name, &name);
            prop_assert_eq!(read[0].received.dropped, fields[3]);
            prop_assert_eq!(read[0].transmitted.bytes, fields[8]);
            prop_assert_eq!(read[0].transmitted.errors, fields[10]);
        }
    }
}
