//! Recordings of the scaler: each is lived through, twice in the same way, or refused with its line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use loadline::scaler::replay::replay;

fuzz_target!(|data: &[u8]| {
    let live = || {
        let mut decisions = Vec::new();
        let result = replay(data, |decision| decisions.push(decision.clone()));
        // Numbers that are none are unlike themselves, and refusals hold errors that cannot be compared.
        (format!("{decisions:?}"), result.map_err(|error| error.to_string()))
    };
    let first = live();
    assert_eq!(first, live());
    if let Err(error) = &first.1 {
        assert!(error.starts_with("line "), "{error}");
    }
});
