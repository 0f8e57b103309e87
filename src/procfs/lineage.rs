//! Which cgroup lies below which.

use std::collections::HashMap;

use super::Member;

/// The ancestors of each cgroup of a list.
pub(super) struct Lineage {
    /// The next cgroup above in the list.
    pub parents: Vec<Option<usize>>,
    /// The container a cgroup belongs to, which may be itself.
    pub containers: Vec<Option<usize>>,
}

impl Lineage {
    /// Of cgroups that are listed parents before children.
    pub(super) fn new(members: &[Member]) -> Self {
        let places: HashMap<&str, usize> =
            members.iter().enumerate().map(|(index, member)| (member.path, index)).collect();
        let mut lineage = Self { parents: Vec::new(), containers: Vec::new() };
        for (index, member) in members.iter().enumerate() {
            let parent = above(member.path).find_map(|path| places.get(path).copied());
            // Two names that are not UTF-8 may be shown alike: one of them is then nobody's parent.
            let parent = parent.filter(|parent| *parent < index);
            let container = match member.is_container {
                true => Some(index),
                false => parent.and_then(|parent| lineage.containers[parent]),
            };
            lineage.parents.push(parent);
            lineage.containers.push(container);
        }
        lineage
    }
}

/// The paths above a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| match path.rsplit_once('/') {
        Some(("", "")) | None => None,
        Some(("", _)) => Some("/"),
        Some((parent, _)) => Some(parent),
    })
    .skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_those_of_the_list() {
        let paths = ["/", "/a", "/a-b", "/a/b/c", "/a/b/c/d"];
        let members: Vec<Member> = (0..)
            .zip(paths)
            .map(|(serial, path)| Member { serial, path, is_container: path == "/a", pids: &[] })
            .collect();
        let lineage = Lineage::new(&members);
        assert_eq!(lineage.parents, [None, Some(0), Some(0), Some(1), Some(3)]);
        assert_eq!(lineage.containers, [None, Some(1), None, Some(1), Some(1)]);
    }
}
