//! Sums of gradients and weights as integers: exact in any order.

use std::ops::{Add, AddAssign, Sub};

/// The lower bits hold the sum of gradients, with its sign; those above the sum of weights.
const GRADIENT_BITS: u32 = 40;

/// A sum of gradients and of weights in one integer: one addition for both, no error, and the histogram
/// of a node less that of one child is exactly that of the other. Meaningful with its [`Units`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(i64);

impl Add for Sum {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl AddAssign for Sum {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Sum {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

/// How large one step of a [`Sum`] is: powers of two, chosen so that no sum over the same rows overflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Units {
    gradient: f64,
    weight: f64,
}

impl Units {
    /// The finest units for rows with these sums of absolute gradients and of weights.
    pub fn new(gradients: f64, weights: f64) -> Self {
        // A bit is kept free for what rounding adds.
        Self {
            gradient: 1.0 / power_of_two(below(GRADIENT_BITS - 2) / gradients),
            weight: 1.0 / power_of_two(below(62 - GRADIENT_BITS) / weights),
        }
    }

    #[inline]
    pub fn pack(self, gradient: f64, weight: f64) -> Sum {
        let gradient = (gradient / self.gradient) as i64;
        let weight = (weight / self.weight + 0.5) as i64;
        Sum((weight << GRADIENT_BITS).wrapping_add(gradient))
    }

    /// The sum of gradients and the sum of weights.
    #[inline]
    pub fn unpack(self, Sum(sum): Sum) -> (f64, f64) {
        let unsigned = 64 - GRADIENT_BITS;
        let gradient = (sum << unsigned) >> unsigned;
        let weight = sum.wrapping_sub(gradient) >> GRADIENT_BITS;
        (gradient as f64 * self.gradient, weight as f64 * self.weight)
    }
}

fn below(bits: u32) -> f64 {
    (1_u64 << bits) as f64
}

/// The highest power of two that is not above a positive number.
fn power_of_two(number: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff << 52;
    f64::from_bits(number.to_bits() & EXPONENT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_parts(
            rows in prop::collection::vec((-1e6_f64..1e6, 1_u8..5), 1..200),
        ) {
            let gradients = rows.iter().map(|(gradient, _)| gradient.abs()).sum::<f64>();
            let weights = rows.iter().map(|(_, weight)| f64::from(*weight)).sum::<f64>();
            let units = Units::new(gradients, weights);
            let packed: Vec<Sum> =
                rows.iter().map(|(gradient, weight)| units.pack(*gradient, (*weight).into())).collect();
            let all = packed.iter().fold(Sum::default(), |all, sum| all + *sum);
            let (gradient, weight) = units.unpack(all);
            let wanted: f64 = rows.iter().map(|(gradient, _)| gradient).sum();
            prop_assert!((gradient - wanted).abs() <= gradients * 1e-8);
            prop_assert_eq!(weight, weights);
            // What is left after taking all but one away is exactly that one.
            let rest = packed[1..].iter().fold(all, |rest, sum| rest - *sum);
            prop_assert_eq!(rest, packed[0]);
        }
    }

    #[test]
    fn all_of_one_sign_does_not_overflow() {
        for sign in [-1.0, 1.0] {
            let units = Units::new(1e5, 1e5);
            let all = (0..100_000).fold(Sum::default(), |all, _| all + units.pack(sign, 1.0));
            let (gradient, weight) = units.unpack(all);
            assert!((gradient - sign * 1e5).abs() < 1e-3, "{gradient}");
            assert_eq!(weight, 1e5);
        }
    }
}
