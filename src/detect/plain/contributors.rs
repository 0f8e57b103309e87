//! Which features made a row unusual.
//!
//! A row is unusual because its paths are short. At each split on a path the expected length of the
//! whole path changes, from that of the node to that of the child it goes to; the change is credited to
//! the split's feature. Summed over a path the credits are exactly `c(ψ) - h`, the amount by which the
//! path is shorter than a normal one, so nothing is left unexplained and nothing is counted twice (the
//! path decomposition of Saabas 2014, on path lengths). A feature with a negative credit made the row
//! look more normal; shares are of the positive credits.

use crate::detect::Contributor;
use crate::detect::forest::Forest;
use crate::detect::forest::key::Key;
use crate::features::Schema;

/// The credit of each feature, in steps of path length, averaged over the trees.
pub fn credits(forest: &Forest, row: &[f32]) -> Vec<f64> {
    let mut credits = vec![0.0; forest.n_features];
    for tree in &forest.trees {
        let mut at = tree.root as usize;
        while !forest.nodes[at].is_leaf() {
            let node = forest.nodes[at];
            let feature = usize::from(node.feature);
            let child =
                at + usize::from(node.left) + usize::from(Key::from(row[feature]) > node.threshold);
            credits[feature] +=
                f64::from(forest.path_lengths[at]) - f64::from(forest.path_lengths[child]);
            at = child;
        }
    }
    for credit in &mut credits {
        *credit /= forest.trees.len() as f64;
    }
    credits
}

/// The up to `most` features with the largest positive credits, with their shares of all positive ones.
pub fn strongest(credits: &[f64], schema: &Schema, most: usize) -> Vec<Contributor> {
    let mut positive: Vec<_> =
        credits.iter().zip(schema.names()).filter(|(credit, _)| **credit > 0.0).collect();
    let total: f64 = positive.iter().map(|(credit, _)| **credit).sum();
    // The sort is stable: equal credits keep the schema's order.
    positive.sort_by(|a, b| b.0.total_cmp(a.0));
    positive
        .into_iter()
        .take(most)
        .map(|(credit, name)| Contributor { feature: name.clone(), share: credit / total })
        .collect()
}
