//! Rows → rows whose columns are uncorrelated and of unit variance, and stay near the old ones.

use serde::{Deserialize, Serialize};

use super::moments::Moments;

/// A standardised value is clipped here: one broken sensor must not hide the rest.
const CLIP: f64 = 5.0;

/// Eigenvalues are at least this: what never moved by itself is not blown up without bound.
const SMALLEST_EIGENVALUE: f64 = 0.02;

/// A standard deviation is widened by this share of the signal's range.
const RANGE_FLOOR: f64 = 0.01;

/// Jacobi's method converges quadratically; for a few dozen columns it needs about seven sweeps.
const MOST_SWEEPS: usize = 30;

/// ZCA whitening: `y = C^(-1/2) z` with `z` the standardised row. Of all whitenings it turns the axes the
/// least (Kessy, Lewin, Strimmer 2018), so that each axis of `y` still belongs to one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whitener {
    mean: Vec<f64>,
    /// What a deviation is multiplied by.
    scale: Vec<f64>,
    /// The square matrix, row by row.
    matrix: Vec<f32>,
}

/// A row in the whitener's eyes; both are as wide as the row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How many standard deviations each value is above its mean.
    pub standardised: Vec<f32>,
    /// The same, uncorrelated.
    pub whitened: Vec<f32>,
}

impl Whitener {
    /// From the moments of normal rows. `range` tells the range of the signal behind a column, in its
    /// unit.
    pub fn new(moments: &Moments, range: impl Fn(usize) -> f64) -> Self {
        let width = moments.mean().len();
        let scale: Vec<f64> = (0..width)
            .map(|i| 1.0 / (moments.covariance(i, i).max(0.0).sqrt() + RANGE_FLOOR * range(i)))
            .collect();
        let standardised = |i: usize, j: usize| moments.covariance(i, j) * scale[i] * scale[j];
        let matrix: Vec<f64> =
            (0..width * width).map(|at| standardised(at / width, at % width)).collect();
        let matrix = inverse_root(matrix, width).into_iter().map(|v| v as f32).collect();
        Self { mean: moments.mean().to_vec(), scale, matrix }
    }

    /// Whether it is one of rows of `width` values: what a file must hold.
    pub fn is_sound(&self, width: usize) -> bool {
        let columns = [self.mean.len(), self.scale.len()];
        columns == [width; 2] && self.matrix.len() == width * width
    }

    /// Whitens a row. A missing value is taken to be at its mean.
    pub fn whiten(&self, row: impl Iterator<Item = f64>) -> Row {
        let standardised: Vec<f32> = row
            .zip(&self.mean)
            .zip(&self.scale)
            .map(|((value, mean), scale)| {
                let z = (value - mean) * scale;
                if z.is_nan() { 0.0 } else { z.clamp(-CLIP, CLIP) as f32 }
            })
            .collect();
        let mut whitened = vec![0.0; standardised.len()];
        // The matrix is symmetric: sums of scaled rows are sums over columns, without a reduction.
        for (line, z) in self.matrix.chunks_exact(self.mean.len()).zip(&standardised) {
            for (sum, weight) in whitened.iter_mut().zip(line) {
                *sum += weight * z;
            }
        }
        Row { standardised, whitened }
    }
}

/// `Q max(λ, floor)^(-1/2) Q'` of a symmetric matrix, row by row.
fn inverse_root(matrix: Vec<f64>, width: usize) -> Vec<f64> {
    let (values, vectors) = eigen(matrix, width);
    let roots: Vec<f64> =
        values.iter().map(|value| value.max(SMALLEST_EIGENVALUE).sqrt().recip()).collect();
    let mut result = vec![0.0; width * width];
    for (root, vector) in roots.iter().zip(vectors.chunks_exact(width)) {
        for (line, left) in result.chunks_exact_mut(width).zip(vector) {
            for (entry, right) in line.iter_mut().zip(vector) {
                *entry += root * left * right;
            }
        }
    }
    result
}

/// Eigenvalues, and eigenvectors as rows, of a symmetric matrix (Jacobi's cyclic rotations; Golub and
/// Van Loan, Matrix Computations, 8.5).
fn eigen(mut a: Vec<f64>, width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; width * width];
    (0..width).for_each(|i| vectors[i * width + i] = 1.0);
    let total: f64 = a.iter().map(|v| v * v).sum();
    for _ in 0..MOST_SWEEPS {
        let off: f64 = (0..width)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * width + j].powi(2))
            .sum();
        if off.is_nan() || off <= 1e-18 * total {
            break;
        }
        for p in 0..width {
            for q in p + 1..width {
                rotate(&mut a, &mut vectors, width, p, q);
            }
        }
    }
    ((0..width).map(|i| a[i * width + i]).collect(), vectors)
}

/// Makes the entry (p, q) zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], width: usize, p: usize, q: usize) {
    let entry = a[p * width + q];
    if entry == 0.0 {
        return;
    }
    let theta = (a[q * width + q] - a[p * width + p]) / (2.0 * entry);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let sine = tangent * cosine;
    for k in 0..width {
        let (kp, kq) = (a[k * width + p], a[k * width + q]);
        a[k * width + p] = cosine * kp - sine * kq;
        a[k * width + q] = sine * kp + cosine * kq;
    }
    turn(a, width, p, q, cosine, sine);
    turn(vectors, width, p, q, cosine, sine);
}

/// Turns the rows p < q of a square matrix into each other.
fn turn(matrix: &mut [f64], width: usize, p: usize, q: usize, cosine: f64, sine: f64) {
    let (upper, lower) = matrix.split_at_mut(q * width);
    let (p, q) = (&mut upper[p * width..][..width], &mut lower[..width]);
    for (p, q) in p.iter_mut().zip(q) {
        (*p, *q) = (cosine * *p - sine * *q, sine * *p + cosine * *q);
    }
}
