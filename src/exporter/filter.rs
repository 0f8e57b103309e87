//! Which cgroups are shown.

use std::fmt;
use std::str::FromStr;

use regex_lite::Regex;

use crate::identity::{Identity, Runtime};

/// Which cgroups are shown: those that pass all of these. A cgroup that is left out does not leave out
/// those below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// By the path, from `/`.
    pub path: Choice,
    /// By the container's name, which is empty for everything else.
    pub name: Choice,
    /// Runtimes to show; all where there are none.
    pub runtimes: Vec<Runtime>,
    /// Runtimes to leave out.
    pub runtimes_excluded: Vec<Runtime>,
    /// Whether only containers and the root are shown.
    pub containers_only: bool,
    /// With `containers_only`, paths that begin so are shown too.
    pub prefixes_too: Vec<String>,
}

/// What to take and what to leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// One of these has to match; where there are none, everything does.
    pub include: Vec<Pattern>,
    /// None of these may match.
    pub exclude: Vec<Pattern>,
}

impl Choice {
    fn allows(&self, text: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(text)))
            && !self.exclude.iter().any(|pattern| pattern.matches(text))
    }
}

impl Filter {
    /// Whether the cgroup at `path` is shown.
    pub(super) fn shows(&self, path: &str, identity: &Identity) -> bool {
        let listed = |list: &[Runtime]| list.contains(&identity.runtime);
        self.path.allows(path)
            && self.name.allows(identity.name.as_deref().unwrap_or_default())
            && (self.runtimes.is_empty() || listed(&self.runtimes))
            && !listed(&self.runtimes_excluded)
            && (!self.containers_only
                || identity.runtime.is_container()
                || path == "/"
                || self.prefixes_too.iter().any(|prefix| path.starts_with(prefix)))
    }

    /// Whether neither the cgroup at `path` nor any below it is shown, as far as the path tells: such a
    /// subtree need not even be walked.
    pub(super) fn prunes(&self, path: &str) -> bool {
        let mut excluded = self.path.exclude.iter();
        excluded.any(|pattern| pattern.covers_below && pattern.matches(path))
    }
}

/// A regular expression that has to match the whole text, as Prometheus's do.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
    /// Whether what matches goes on to match with anything added that begins with a slash.
    covers_below: bool,
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let compiled = |text: &str| {
            Regex::new(text).map_err(|error| format!("not a regular expression: {error}"))
        };
        // By itself first: `a)(b` is only in brackets an expression.
        compiled(text)?;
        let regex = compiled(&format!("^(?s:{text})$"))?;
        let open_end = [".*", "(/.*)?", "(?:/.*)?"].iter().any(|end| text.ends_with(end));
        // An alternative would end elsewhere; an escape may make a plain dot of the last one.
        let covers_below = open_end && !text.contains(['|', '\\']);
        Ok(Self { text: text.to_owned(), regex, covers_below })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Names;
    use proptest::prelude::*;
    use std::path::Path;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().expect("an expression")).collect()
    }

    fn shown(filter: &Filter) -> Vec<&'static str> {
        let mut names = Names::new(Path::new("/nonexistent"));
        let all = ["/", "/lxc.payload.web", "/system.slice", "/system.slice/ssh.service", "/x/y"];
        all.into_iter().filter(|path| filter.shows(path, &names.identify(path))).collect()
    }

    #[test]
    fn paths_match_as_a_whole() {
        let path = |include: &[&str], exclude: &[&str]| {
            let path = Choice { include: patterns(include), exclude: patterns(exclude) };
            shown(&Filter { path, ..Filter::default() })
        };
        assert_eq!(path(&[], &[]).len(), 5);
        assert_eq!(path(&["/x"], &[]), Vec::<&str>::new());
        assert_eq!(path(&["/x/.*", "/"], &[]), ["/", "/x/y"]);
        assert_eq!(
            path(&[], &["/system.slice", "/"]),
            ["/lxc.payload.web", "/system.slice/ssh.service", "/x/y"]
        );
        assert_eq!(path(&["/system.*"], &[".*[.]slice"]), ["/system.slice/ssh.service"]);
    }

    #[test]
    fn names_and_runtimes() {
        let runtimes = vec![Runtime::Lxc, Runtime::Raw];
        let only = Filter { runtimes: runtimes.clone(), ..Filter::default() };
        assert_eq!(shown(&only), ["/", "/lxc.payload.web", "/x/y"]);
        let without = Filter { runtimes_excluded: runtimes, ..Filter::default() };
        assert_eq!(shown(&without), ["/system.slice", "/system.slice/ssh.service"]);
        let name = |name: Choice| shown(&Filter { name, ..Filter::default() });
        assert_eq!(
            name(Choice { include: patterns(&[".+"]), exclude: vec![] }),
            ["/lxc.payload.web"]
        );
        assert_eq!(name(Choice { include: vec![], exclude: patterns(&["w.*"]) }).len(), 4);
        let containers = Filter {
            containers_only: true,
            prefixes_too: vec!["/x".to_owned()],
            ..Filter::default()
        };
        assert_eq!(shown(&containers), ["/", "/lxc.payload.web", "/x/y"]);
    }

    #[test]
    fn expressions_are_checked() {
        for bad in ["(", "a)(b", "["] {
            let error = bad.parse::<Pattern>().expect_err("refused");
            assert!(error.starts_with("not a regular expression: "), "{error}");
        }
        let exclude = |text: &str| Filter {
            path: Choice { include: vec![], exclude: patterns(&[text]) },
            ..Filter::default()
        };
        assert!(exclude("/system.slice(/.*)?").prunes("/system.slice"));
        assert!(!exclude("/system.slice").prunes("/system.slice"));
        assert!(!exclude("/a|/b.*").prunes("/a"));
        assert!(!exclude("/a\\.*").prunes("/a.."));
    }

    proptest! {
        #[test]
        fn what_is_pruned_has_nothing_shown_below(
            pattern in "[a/.*?()+\\\\|]{0,8}(\\.\\*|\\(/\\.\\*\\)\\?)",
            path in "(/[a.]{1,3}){1,3}",
            below in "(/.{1,3}){1,2}",
        ) {
            if let Ok(pattern) = pattern.parse() {
                let path_choice = Choice { include: vec![], exclude: vec![pattern] };
                let filter = Filter { path: path_choice, ..Filter::default() };
                if filter.prunes(&path) {
                    let inside = path + &below;
                    prop_assert!(!filter.path.allows(&inside), "{}", inside);
                }
            }
        }
    }
}
