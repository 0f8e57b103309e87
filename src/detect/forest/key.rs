//! Floats as integers of the same order.

use serde::{Deserialize, Serialize};

/// A float as an integer that compares as it does, not-a-number below all others and -0 equal to 0. Two
/// integers compare in one cycle, on any of the processor's units and with the result where an addition
/// takes it up; floats need three or four cycles on one unit. Files hold the float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "f32", into = "f32")]
pub struct Key(pub u32);

const SIGN: u32 = 1 << 31;

impl Key {
    /// Nothing is above it.
    pub const INFINITY: Self = Self(f32::INFINITY.to_bits() | SIGN);
}

impl From<f32> for Key {
    #[inline]
    fn from(value: f32) -> Self {
        // The sum turns -0 into 0.
        let bits = (value + 0.0).to_bits();
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        Self(if value.is_nan() { 0 } else { ordered })
    }
}

impl From<Key> for f32 {
    fn from(Key(ordered): Key) -> Self {
        f32::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_compare_as_floats_do(a in prop::num::f32::ANY, b in prop::num::f32::ANY) {
            prop_assert_eq!(Key::from(a) > Key::from(b), a > b || (!a.is_nan() && b.is_nan()));
            prop_assert!(Key::from(a) <= Key::INFINITY);
            prop_assert!(a.is_nan() || f32::from(Key::from(a)) == a);
        }
    }

    #[test]
    fn what_is_special_has_its_place() {
        let ascending =
            [f32::NAN, f32::NEG_INFINITY, f32::MIN, -1e-45, 0.0, 1e-45, f32::MAX, f32::INFINITY];
        assert!(ascending.map(Key::from).is_sorted_by(|a, b| a < b));
        assert_eq!(Key::from(-0.0), Key::from(0.0));
        assert_eq!(Key::from(f32::INFINITY), Key::INFINITY);
    }
}
