//! The parsers of this room for `fuzz/`, with what must hold of them.

use super::descriptors::soft_limit;
use super::file::{lines, start};
use super::network::interfaces;
use super::schedule::schedstat;
use super::statistics::statistics;
use super::{TcpStates, UdpQueues};

/// The file number `which` of a process, with this text.
pub fn file(which: u8, text: &[u8]) {
    match which % 7 {
        0 => {
            for interface in interfaces(text).unwrap_or_default() {
                assert!(!interface.name.contains(['\n', ':']) && interface.name.len() < text.len());
            }
        }
        1 => {
            let mut states = TcpStates::default();
            let read = lines(text).filter(|(n, line)| states.add(*n, line).is_ok()).count() as u64;
            assert!(states.iter().map(|(_, count)| count).sum::<u64>() <= read);
        }
        2 => {
            let mut queues = UdpQueues::default();
            let read = lines(text).filter(|(n, line)| queues.add(*n, line).is_ok()).count() as u64;
            assert_eq!(queues.sockets, read);
        }
        3 => {
            for statistic in statistics(text, "TcpExt").unwrap_or_default() {
                assert!(!statistic.name.contains(|c: char| c.is_ascii_whitespace()));
            }
        }
        4 => {
            if let Ok(read) = schedstat(text) {
                let again = format!("{} {} {}\n", read.run_ns, read.wait_ns, read.periods);
                assert_eq!(schedstat(again.as_bytes()).ok(), Some(read));
            }
        }
        5 => drop(soft_limit(text)),
        _ => {
            let _ = start(text);
        }
    }
}
