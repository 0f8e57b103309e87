//! A value in 16 bits.

/// A number that is not negative, or none, in 16 bits: a [`f32`] without its sign and its last 15 bits.
///
/// Rounded up: never less than the true value, and more by less than one part in 256 (0.4 %). Zero and
/// whole numbers up to 512 are exact, and of two values the greater one is never the smaller one here. In
/// order no value comes after all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rounded(u16);

const DROPPED_BITS: u32 = 15;

/// The largest finite number; what is beyond it counts as this.
const LARGEST: u32 = (f32::INFINITY.to_bits() >> DROPPED_BITS) - 1;

impl Rounded {
    /// No value. As the bits of a `f32` it would not be a number.
    pub const NONE: Self = Self(u16::MAX);

    /// The least number that is not below `value`; none for what is negative or not a number.
    pub fn up(value: f32) -> Self {
        if value.is_nan() || value < 0.0 {
            return Self::NONE;
        }
        // Zero has a sign, too.
        let bits = value.abs().to_bits();
        let up = bits.div_ceil(1 << DROPPED_BITS).min(LARGEST);
        Self(up as u16)
    }

    /// The value.
    pub fn value(self) -> Option<f64> {
        let bits = u32::from(self.0) << DROPPED_BITS;
        (self != Self::NONE).then(|| f64::from(f32::from_bits(bits)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounded(value: f32) -> f64 {
        Rounded::up(value).value().expect("a value")
    }

    #[test]
    fn what_is_small_and_whole_is_exact() {
        for number in 0..=512u16 {
            assert_eq!(rounded(f32::from(number)), f64::from(number));
        }
        assert_eq!(rounded(-0.0), 0.0);
        assert_eq!(rounded(513.0), 514.0);
    }

    #[test]
    fn negative_and_not_a_number_are_none() {
        for value in [-1e-30, f32::NAN, f32::NEG_INFINITY] {
            assert_eq!(Rounded::up(value).value(), None);
        }
    }

    #[test]
    fn what_is_beyond_all_is_the_largest() {
        for value in [f32::MAX, f32::INFINITY] {
            assert!((3.38e38..3.41e38).contains(&rounded(value)));
        }
    }

    proptest! {
        #[test]
        fn every_code_is_its_own_value(code in 0u16..LARGEST as u16) {
            let value = Rounded(code).value().expect("finite");
            prop_assert_eq!(Rounded::up(value as f32), Rounded(code));
        }

        #[test]
        fn never_less_and_little_more(value in 1e-30f32..1e38) {
            let (value, rounded) = (f64::from(value), rounded(value));
            prop_assert!(rounded >= value && rounded < value * (1.0 + 1.0 / 256.0));
        }

        #[test]
        fn keeps_the_order(a in 0f32.., b in 0f32..) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(rounded(low) <= rounded(high));
        }
    }
}
