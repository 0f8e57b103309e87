//! Walking rows down trees, several at once.
//!
//! One walk is a chain of loads that wait for each other, about 12 cycles a level. Independent walks
//! side by side overlap those waits. Rows are taken in blocks that fit the first-level cache together
//! with one tree, so that each tree is fetched once a block.

use super::Forest;
use super::tree::Node;

/// How many walks are under way at once.
const LANES: usize = 8;

/// How many rows pass one tree before the next tree is taken.
const BLOCK_ROWS: usize = 512;

/// The mean path length over all trees of each row in `rows`, rows one after another.
pub fn path_lengths(forest: &Forest, rows: &[f32]) -> Vec<f64> {
    let width = forest.n_features;
    if rows.len() < LANES * width {
        return rows.chunks(width).map(|row| path_length(forest, row)).collect();
    }
    let mut sums = vec![0.0; rows.len() / width];
    for (block, sums) in rows.chunks(BLOCK_ROWS * width).zip(sums.chunks_mut(BLOCK_ROWS)) {
        for tree in &forest.trees {
            for (lanes, sums) in block.chunks(LANES * width).zip(sums.chunks_mut(LANES)) {
                // Lanes beyond the last row walk the last row again.
                let offsets = std::array::from_fn(|lane| lane.min(sums.len() - 1) * width);
                let roots = [tree.root as usize; LANES];
                let leaves = descend(&forest.nodes, lanes, roots, offsets, tree.depth);
                for (sum, leaf) in sums.iter_mut().zip(leaves) {
                    *sum += f64::from(forest.path_lengths[leaf]);
                }
            }
        }
    }
    for sum in &mut sums {
        *sum /= forest.trees.len() as f64;
    }
    sums
}

/// The mean path length over all trees of one row: several trees at once.
pub fn path_length(forest: &Forest, row: &[f32]) -> f64 {
    let mut sum = 0.0;
    for trees in forest.trees.chunks(LANES) {
        let roots = std::array::from_fn(|lane| trees[lane.min(trees.len() - 1)].root as usize);
        let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let leaves = descend(&forest.nodes, row, roots, [0; LANES], depth);
        sum += leaves
            .iter()
            .take(trees.len())
            .map(|&l| f64::from(forest.path_lengths[l]))
            .sum::<f64>();
    }
    sum / forest.trees.len() as f64
}

/// Takes `depth` steps from each of `nodes[at]`, for the row that begins at `offsets` in `rows`.
#[inline(always)]
fn descend(
    nodes: &[Node],
    rows: &[f32],
    mut at: [usize; LANES],
    offsets: [usize; LANES],
    depth: u16,
) -> [usize; LANES] {
    for _ in 0..depth {
        for lane in 0..LANES {
            let node = nodes[at[lane]];
            let value = rows[offsets[lane] + usize::from(node.feature)];
            at[lane] += usize::from(node.left) + usize::from(value > node.threshold);
        }
    }
    at
}
