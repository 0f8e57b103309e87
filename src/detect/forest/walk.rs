//! Walking rows down trees, several at once.
//!
//! One walk is a chain of loads that wait for each other, about 12 cycles a level. Independent walks
//! side by side overlap those waits. Rows are taken in blocks that fit the first-level cache together
//! with one tree, so that each tree is fetched once a block.

use super::Forest;
use super::key::Key;
use super::tree::Node;

/// How many rows go down one tree at once: as many places as the registers of x86-64 hold.
const ROWS_AT_ONCE: usize = 8;

/// How many trees one row goes down at once. The trees come from the second-level cache, whose longer
/// waits are worth two places in memory.
const TREES_AT_ONCE: usize = 10;

/// How many rows pass one tree before the next tree is taken.
const BLOCK_ROWS: usize = 128;

/// Keys from one row to the next. The mask that [`feature_mask`] derives proves to the compiler that a
/// feature is inside its row. The 16 on top keep rows a power of two apart from sharing a few cache sets.
const NARROW: usize = (1 << 8) + 16;
const WIDE: usize = (1 << 16) + 16;

/// The mean path length over all trees of each row in `rows`, rows one after another.
pub fn path_lengths(forest: &Forest, rows: &[f32]) -> Vec<f64> {
    if rows.len() < ROWS_AT_ONCE * forest.n_features {
        return rows.chunks(forest.n_features).map(|row| path_length(forest, row)).collect();
    }
    if forest.n_features <= feature_mask(NARROW) + 1 {
        in_blocks::<NARROW>(forest, rows, BLOCK_ROWS)
    } else {
        in_blocks::<WIDE>(forest, rows, ROWS_AT_ONCE)
    }
}

/// The mean path length over all trees of one row.
pub fn path_length(forest: &Forest, row: &[f32]) -> f64 {
    if row.len() <= feature_mask(NARROW) + 1 {
        tree_by_tree(forest, row, &mut [0; NARROW])
    } else {
        let mut keys = vec![0; WIDE];
        let (keys, _) = keys.as_chunks_mut::<WIDE>();
        keys.first_mut().map_or(f64::NAN, |keys| tree_by_tree(forest, row, keys))
    }
}

/// Several rows at once down one tree after another. `block_rows` is a multiple of [`ROWS_AT_ONCE`].
fn in_blocks<const STRIDE: usize>(forest: &Forest, rows: &[f32], block_rows: usize) -> Vec<f64> {
    let n_rows = rows.len() / forest.n_features;
    // Lanes beyond the last row walk too, and are not asked for their sums.
    let mut sums = vec![0.0; n_rows.next_multiple_of(ROWS_AT_ONCE)];
    let mut keys = vec![0; block_rows.min(sums.len()) * STRIDE];
    let (keys, _) = keys.as_chunks_mut::<STRIDE>();
    let blocks = rows.chunks(block_rows * forest.n_features);
    for (block, sums) in blocks.zip(sums.chunks_mut(block_rows)) {
        for (row, keys) in block.chunks(forest.n_features).zip(keys.iter_mut()) {
            write_keys(row, keys);
        }
        let (lanes_of_keys, _) = keys.as_chunks::<ROWS_AT_ONCE>();
        let (lanes_of_sums, _) = sums.as_chunks_mut::<ROWS_AT_ONCE>();
        for (tree, depth) in forest.spans() {
            let (nodes, path_lengths) = (&forest.nodes[tree.clone()], &forest.path_lengths[tree]);
            for (keys, sums) in lanes_of_keys.iter().zip(lanes_of_sums.iter_mut()) {
                let key = |lane: usize, feature| keys[lane][feature & feature_mask(STRIDE)];
                let leaves = descend(nodes, [0; ROWS_AT_ONCE], depth, key);
                for (sum, leaf) in sums.iter_mut().zip(leaves) {
                    *sum += f64::from(path_lengths[leaf]);
                }
            }
        }
    }
    sums.truncate(n_rows);
    for sum in &mut sums {
        *sum /= forest.trees.len() as f64;
    }
    sums
}

/// One row down several trees at once. The sum is that of [`in_blocks`], in the same order.
fn tree_by_tree<const STRIDE: usize>(
    forest: &Forest,
    row: &[f32],
    keys: &mut [u32; STRIDE],
) -> f64 {
    write_keys(row, keys);
    let key = |_, feature| keys[feature & feature_mask(STRIDE)];
    let mut sum = 0.0;
    for trees in forest.trees.chunks(TREES_AT_ONCE) {
        // Lanes beyond the last tree walk it again.
        let roots: [_; TREES_AT_ONCE] =
            std::array::from_fn(|lane| trees[lane.min(trees.len() - 1)].root as usize);
        let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
        let leaves = descend(&forest.nodes, roots, depth, key);
        for &leaf in leaves.iter().take(trees.len()) {
            sum += f64::from(forest.path_lengths[leaf]);
        }
    }
    sum / forest.trees.len() as f64
}

/// Takes `depth` steps from each of `nodes[at]`; `key(lane, feature)` is the lane's row's key.
#[inline(always)]
fn descend<const LANES: usize>(
    nodes: &[Node],
    mut at: [usize; LANES],
    depth: u16,
    key: impl Fn(usize, usize) -> u32,
) -> [usize; LANES] {
    for _ in 0..depth {
        for (lane, at) in at.iter_mut().enumerate() {
            let node = nodes[*at];
            let right = node.threshold.0 < key(lane, usize::from(node.feature));
            *at += usize::from(node.left) + usize::from(right);
        }
    }
    at
}

/// The largest power of two that rows `stride` apart have room for, less one.
const fn feature_mask(stride: usize) -> usize {
    (1 << stride.ilog2()) - 1
}

fn write_keys(row: &[f32], keys: &mut [u32]) {
    for (key, value) in keys.iter_mut().zip(row) {
        *key = Key::from(*value).0;
    }
}
