//! The contributors name the signal at which a fault was planted.

use super::*;

const SIGNALS: usize = 8;
/// Of a correlation that breaks between two signals, nobody can tell which of them broke it.
const GROUP: usize = 4;
const NORMAL_ROWS: usize = 14 * DAY_ROWS;
const FAULT_ROWS: usize = 36;

/// What goes wrong with one signal.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// One row far off.
    Spike,
    /// Higher from here on.
    LevelShift,
    /// Much more restless.
    NoiseBurst,
    /// Restless as usual, but against the others of its group.
    BrokenCorrelation,
}

/// Rows every five minutes of eight signals: all have a daily wave, four each share most of their noise.
/// In the last rows one may be at fault.
fn rows(seed: u64, fault: Option<(Fault, usize)>) -> Vec<Vec<f64>> {
    let mut noise = rng(seed);
    (0..NORMAL_ROWS + FAULT_ROWS)
        .map(|row| {
            let turn = std::f64::consts::TAU * row as f64 / DAY_ROWS as f64;
            let shared = [0; SIGNALS / GROUP].map(|_| bell(&mut noise));
            let own = [0; SIGNALS].map(|_| bell(&mut noise));
            let other = bell(&mut noise);
            (0..SIGNALS)
                .map(|i| {
                    let usual = shared[i / GROUP] + 0.3 * own[i];
                    let wrong = match fault {
                        Some((fault, at)) if i == at && row >= NORMAL_ROWS => fault,
                        _ => return 20.0 + 3.0 * (turn + i as f64).sin() + usual,
                    };
                    let noise = match wrong {
                        Fault::Spike if row == NORMAL_ROWS => usual + 10.0,
                        Fault::Spike => usual,
                        Fault::LevelShift => usual + 5.0,
                        Fault::NoiseBurst => usual + 4.0 * other,
                        Fault::BrokenCorrelation => 0.3 * own[i] - shared[i / GROUP],
                    };
                    20.0 + 3.0 * (turn + i as f64).sin() + noise
                })
                .collect()
        })
        .collect()
}

/// Of the rows during the faults of this kind in each signal in turn: how many are anomalous, and in how
/// many of those the signal at fault comes first.
fn found(detector: &Detector, fault: Fault) -> (usize, usize) {
    let (mut anomalous, mut named) = (0, 0);
    for signal in 0..SIGNALS {
        let rows = rows(1, Some((fault, signal)));
        let during = match fault {
            Fault::Spike => NORMAL_ROWS..NORMAL_ROWS + 1,
            _ => NORMAL_ROWS..NORMAL_ROWS + FAULT_ROWS,
        };
        let name = format!("s{signal}");
        let found = feed(&mut detector.clone(), NORMAL_ROWS, &rows[during]);
        for found in found.iter().flatten().filter(|found| found.anomalous) {
            anomalous += 1;
            named += usize::from(found.contributors[0].feature == name);
        }
    }
    (anomalous, named)
}

#[test]
fn the_signal_at_fault_is_named_first() {
    let mut detector = detector(SIGNALS);
    feed(&mut detector, 0, &rows(1, None)[..NORMAL_ROWS]);
    // At least so many rows are found; in the rest, noise is small and tells nothing.
    for (fault, least) in [
        (Fault::Spike, 8),
        (Fault::LevelShift, 280),
        (Fault::NoiseBurst, 220),
        (Fault::BrokenCorrelation, 24),
    ] {
        let (anomalous, named) = found(&detector, fault);
        assert!(anomalous >= least, "{fault:?}: {anomalous} rows found");
        assert!(named * 10 >= anomalous * 9, "{fault:?}: {named} of {anomalous} named");
    }
}
