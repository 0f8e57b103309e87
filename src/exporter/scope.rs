//! Which part of the host a scrape is about, for people who want one target a container.

use std::collections::HashSet;
use std::str::FromStr;

use super::Row;
use crate::cgroup::Group;

/// Which cgroups a scrape is about. The host and the topmost containers together are everything, and no
/// series is in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of them.
    #[default]
    Everything,
    /// Those that are no container and in none; also what is told of the machine and of ourselves.
    Host,
    /// The cgroup at this path and all below it.
    Below(String),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "host" => Ok(Self::Host),
            path if path.starts_with('/') => Ok(Self::Below(path.to_owned())),
            other => Err(format!(
                "no such target: {other:?}, expected host or the path of a cgroup such as /docker/ID"
            )),
        }
    }
}

impl Scope {
    /// The positions of the cgroups that it is about and that are shown.
    pub(super) fn choose(&self, groups: &[Group], rows: &[Row]) -> Vec<usize> {
        let shown = || (0..groups.len()).filter(|at| rows[*at].is_shown);
        match self {
            Self::Everything => shown().collect(),
            Self::Below(path) => shown().filter(|at| is_within(groups[*at].path(), path)).collect(),
            Self::Host => {
                let containers: HashSet<&str> = containers(groups, rows).collect();
                let inside = |path: &str| ancestors(path).any(|path| containers.contains(path));
                shown().filter(|at| !inside(groups[*at].path())).collect()
            }
        }
    }

    /// Whether what it is about is still there.
    pub(super) fn is_there(&self, groups: &[Group]) -> bool {
        match self {
            Self::Everything | Self::Host => true,
            Self::Below(path) => groups.iter().any(|group| group.path() == path),
        }
    }

    /// Whether it takes in what is told of the machine and of ourselves.
    pub(super) fn has_host(&self) -> bool {
        !matches!(self, Self::Below(_))
    }
}

/// The positions of the containers that are shown and in no other.
pub(super) fn topmost(groups: &[Group], rows: &[Row]) -> Vec<usize> {
    let known: HashSet<&str> = containers(groups, rows).collect();
    let is_top = |path: &str| !ancestors(path).skip(1).any(|path| known.contains(path));
    let all =
        (0..groups.len()).filter(|at| rows[*at].is_shown && known.contains(groups[*at].path()));
    all.filter(|at| is_top(groups[*at].path())).collect()
}

fn containers<'a>(groups: &'a [Group], rows: &'a [Row]) -> impl Iterator<Item = &'a str> {
    let pairs = groups.iter().zip(rows);
    pairs.filter(|(_, row)| row.identity.runtime.is_container()).map(|(group, _)| group.path())
}

/// A path, then those of its parents up to the root's.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        let cut = path.rfind('/')?;
        if cut > 0 { Some(&path[..cut]) } else { (*path != "/").then_some("/") }
    })
}

fn is_within(path: &str, top: &str) -> bool {
    let rest = path.strip_prefix(top);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || top == "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_parents() {
        let all = |path| ancestors(path).collect::<Vec<_>>();
        assert_eq!(all("/a/b/c"), ["/a/b/c", "/a/b", "/a", "/"]);
        assert_eq!(all("/"), ["/"]);
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", "/"));
        assert!(!is_within("/ab", "/a") && !is_within("/", "/a"));
    }

    #[test]
    fn targets_are_read_or_refused() {
        assert_eq!("host".parse(), Ok(Scope::Host));
        assert_eq!("/docker/1".parse(), Ok(Scope::Below("/docker/1".to_owned())));
        assert!("docker".parse::<Scope>().expect_err("no path").contains("\"docker\""));
    }
}
