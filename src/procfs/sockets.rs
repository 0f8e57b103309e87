//! `net/tcp`, `net/tcp6`, `net/udp`, `net/udp6`: the sockets of a network namespace.

use super::file::{Failure, Files, bad, number, words};
use super::{ByFamily, Figures, statistics};
use crate::metric_set::MetricSet;

/// Reads what one set tells of the sockets in the namespace of a process.
pub(super) fn read(pid: u32, set: MetricSet, files: &mut Files, figures: &mut Figures) {
    match set {
        MetricSet::Tcp => {
            let mut count = |name| rows(files, set, (pid, name), TcpStates::add);
            figures.tcp = ByFamily { v4: count("net/tcp"), v6: count("net/tcp6") };
        }
        MetricSet::Udp => {
            let mut count = |name| rows(files, set, (pid, name), UdpQueues::add);
            figures.udp = ByFamily { v4: count("net/udp"), v6: count("net/udp6") };
        }
        MetricSet::AdvTcp => {
            for (name, protocol) in [("net/snmp", "Tcp"), ("net/netstat", "TcpExt")] {
                let found = files.read(pid, name, |text| statistics::statistics(text, protocol));
                let found = files.note(set, (pid, name), found);
                figures.statistics.extend(found.into_iter().flat_map(|(_, found)| found));
            }
            // A name that came twice would be a series that came twice.
            figures.statistics.sort_unstable();
            figures.statistics.dedup_by(|a, b| a.name == b.name);
        }
        _ => (),
    }
}

/// Counts the rows of a file into one figure.
fn rows<T: Default>(
    files: &mut Files,
    set: MetricSet,
    (pid, name): (u32, &str),
    add: fn(&mut T, usize, &[u8]) -> Result<(), Failure>,
) -> Option<Box<T>> {
    let mut sum = Box::<T>::default();
    let read = files.rows(pid, name, |line, content| add(&mut sum, line, content));
    files.note(set, (pid, name), read).map(|()| sum)
}

/// TCP sockets by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpStates([u64; TcpStates::NAMES.len()]);

impl TcpStates {
    /// The states as cAdvisor calls them, in the order of the kernel's numbers from 1.
    pub const NAMES: [&str; 11] = [
        "established",
        "synsent",
        "synrecv",
        "finwait1",
        "finwait2",
        "timewait",
        "close",
        "closewait",
        "lastack",
        "listen",
        "closing",
    ];

    /// Each state with the number of sockets in it.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::NAMES.into_iter().zip(self.0)
    }

    /// Counts the socket of a line. A state that we do not know is left out.
    pub(super) fn add(&mut self, line: usize, content: &[u8]) -> Result<(), Failure> {
        let state = words(content).nth(3).and_then(hexadecimal);
        let state = state.ok_or_else(|| bad(line, "a state in the fourth column", content))?;
        let place = usize::try_from(state).ok().and_then(|state| state.checked_sub(1));
        if let Some(count) = place.and_then(|place| self.0.get_mut(place)) {
            *count += 1;
        }
        Ok(())
    }
}

/// UDP sockets and their queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpQueues {
    /// How many sockets there are.
    pub sockets: u64,
    /// Datagrams that found no room.
    pub dropped: u64,
    /// Bytes received and not yet read.
    pub receive_bytes: u64,
    /// Bytes written and not yet sent.
    pub transmit_bytes: u64,
}

impl UdpQueues {
    /// Counts the socket of a line.
    pub(super) fn add(&mut self, line: usize, content: &[u8]) -> Result<(), Failure> {
        let fail = || bad(line, "queues in the fifth column and drops in the thirteenth", content);
        let mut columns = words(content);
        let queues = columns.nth(4).ok_or_else(fail)?;
        let colon = queues.iter().position(|b| *b == b':').ok_or_else(fail)?;
        // The column's title says so: first what is to be sent.
        let transmit = hexadecimal(&queues[..colon]).ok_or_else(fail)?;
        let receive = hexadecimal(&queues[colon + 1..]).ok_or_else(fail)?;
        let dropped = columns.nth(7).and_then(number).ok_or_else(fail)?;
        self.sockets += 1;
        self.transmit_bytes = self.transmit_bytes.saturating_add(transmit);
        self.receive_bytes = self.receive_bytes.saturating_add(receive);
        self.dropped = self.dropped.saturating_add(dropped);
        Ok(())
    }
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sockets_are_counted_by_state() {
        let mut states = TcpStates::default();
        let lines = [
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0",
            "   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 2 1 0",
            "   2: 0100007F:1F90 0100007F:9998 01 00000000:00000000 00:00000000 00000000 0 0 3 1 0",
            "   3: 0100007F:1F90 0100007F:9997 7F 00000000:00000000 00:00000000 00000000 0 0 4 1 0",
        ];
        for line in lines {
            states.add(2, line.as_bytes()).expect("readable");
        }
        let there: Vec<(&str, u64)> = states.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(there, [("established", 2), ("listen", 1)]);
        assert!(states.add(2, b"0: a b").is_err());
    }

    #[test]
    fn queues_are_summed() {
        let line = " 36: 00000000:0044 00000000:0000 07 00000010:000000ff 00:00000000 00000000 0 0 16 2 0000000000000000 5";
        let mut queues = UdpQueues::default();
        queues.add(2, line.as_bytes()).expect("readable");
        queues.add(3, line.as_bytes()).expect("readable");
        let expected =
            UdpQueues { sockets: 2, dropped: 10, receive_bytes: 510, transmit_bytes: 32 };
        assert_eq!(queues, expected);
        assert!(queues.add(4, b"0: a b 07 10:ff").is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = TcpStates::default().add(1, &line);
            let _ = UdpQueues::default().add(1, &line);
        }

        #[test]
        fn what_the_kernel_writes_is_read(
            state in 1u64..12, transmit in any::<u32>(), receive in any::<u32>(), drops in any::<u32>(),
        ) {
            let line = format!(
                "   0: 0100007F:1F90 00000000:0000 {state:02X} {transmit:08X}:{receive:08X} 00:00000000 00000000     0        0 1 2 0000000000000000 {drops}"
            );
            let (mut states, mut queues) = (TcpStates::default(), UdpQueues::default());
            states.add(2, line.as_bytes()).expect("readable");
            queues.add(2, line.as_bytes()).expect("readable");
            prop_assert_eq!(states.0[state as usize - 1], 1);
            prop_assert_eq!(queues.transmit_bytes, u64::from(transmit));
            prop_assert_eq!(queues.receive_bytes, u64::from(receive));
            prop_assert_eq!(queues.dropped, u64::from(drops));
        }
    }
}
