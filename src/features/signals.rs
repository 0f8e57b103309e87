//! The signals themselves, for a detector that makes its own features.

use std::sync::{Arc, LazyLock};

use super::{Features, Schema};
use crate::target::Signal;
use crate::window::Window;

/// What is looked at. Limits are left out: they are moved by us. So are swap, which shows in the pressure
/// first, and counters of restarts and kills, which are events and no load.
const SIGNALS: [Signal; 8] = [
    Signal::CpuUsageCores,
    Signal::CpuThrottledRatio,
    Signal::CpuPressureRatio,
    Signal::MemoryWorkingSetBytes,
    Signal::MemoryPressureRatio,
    Signal::IoReadBytesPerSecond,
    Signal::IoWrittenBytesPerSecond,
    Signal::Tasks,
];

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    Arc::new(Schema::new(SIGNALS.iter().map(|signal| signal.name().to_owned()).collect()))
});

/// The names of the signals.
pub fn schema() -> Arc<Schema> {
    Arc::clone(&SCHEMA)
}

/// The signals of the window's latest row; `None` where none of them was measured.
pub fn extract(window: &Window) -> Option<Features> {
    let now = |signal| window.last_n(signal, 1).next().and_then(|(_, value)| value);
    let values = SIGNALS.map(now);
    values.iter().any(Option::is_some).then(|| Features::new(schema(), values))
}
