//! Trees in two arrays.

use serde::{Deserialize, Serialize};

/// A question of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    /// Values up to it go left.
    pub threshold: f32,
    pub feature: u16,
    /// Where missing values go.
    pub missing_left: bool,
    /// The left child, then the right one.
    pub children: [Child; 2],
}

/// What follows a question: another one, by its place, or a leaf, by the complement of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Child(i32);

impl Child {
    pub fn node(place: usize) -> Self {
        Self(place as i32)
    }

    pub fn leaf(place: usize) -> Self {
        Self(!(place as i32))
    }

    /// The place of the question, or else of the leaf.
    pub fn place(self) -> Result<usize, usize> {
        if self.0 >= 0 { Ok(self.0 as usize) } else { Err(!self.0 as usize) }
    }
}

/// Trees that share two arrays. Places count from the array's beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(super) struct Ensemble {
    pub nodes: Vec<Node>,
    /// What each leaf says.
    pub leaves: Vec<f64>,
    /// Where each tree begins.
    pub roots: Vec<Child>,
}

impl Ensemble {
    /// The leaf of each tree that a row falls into, by its place. What the row lacks is missing.
    #[inline]
    pub fn leaves_of<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = usize> + 'a {
        self.roots.iter().map(|root| self.walk(*root, row))
    }

    /// The sum of what all trees say of a row.
    pub fn sum(&self, row: &[f32]) -> f64 {
        self.leaves_of(row).map(|leaf| self.leaves[leaf]).sum()
    }

    #[inline]
    fn walk(&self, root: Child, row: &[f32]) -> usize {
        let Child(mut place) = root;
        while place >= 0 {
            let node = &self.nodes[place as usize];
            let value = row.get(usize::from(node.feature)).copied().unwrap_or(f32::NAN);
            let left = if value.is_nan() { node.missing_left } else { value <= node.threshold };
            place = node.children[usize::from(!left)].0;
        }
        !place as usize
    }
}

/// An ensemble as it stands in a file.
#[derive(Deserialize)]
struct Unchecked {
    nodes: Vec<Node>,
    leaves: Vec<f64>,
    roots: Vec<Child>,
}

impl TryFrom<Unchecked> for Ensemble {
    type Error = &'static str;

    /// Refuses what a walk would not come out of.
    fn try_from(Unchecked { nodes, leaves, roots }: Unchecked) -> Result<Self, Self::Error> {
        let is_leaf = |place: i32| place < 0 && (!place as usize) < leaves.len();
        let is_node = |place: i32| place >= 0 && (place as usize) < nodes.len();
        let ahead = |place: i32, parent: usize| is_node(place) && place as usize > parent;
        let sound = |(at, node): (usize, &Node)| {
            node.children.iter().all(|Child(place)| is_leaf(*place) || ahead(*place, at))
        };
        if !nodes.iter().enumerate().all(sound)
            || !roots.iter().all(|Child(place)| is_leaf(*place) || is_node(*place))
        {
            return Err("a tree points outside of its arrays, or back");
        }
        Ok(Self { nodes, leaves, roots })
    }
}
