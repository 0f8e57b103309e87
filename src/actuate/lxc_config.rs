//! One setting of an LXC configuration file changed, and every other byte left as it is.

/// The value in force: the last line that sets `key`.
pub(super) fn get<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().filter_map(setting).rfind(|(k, _)| *k == key).map(|(_, value)| value)
}

/// `text` with `key` set to `value`: the last line that sets it is replaced. Where there is none, or
/// where a later `lxc.include` may set it again, a line is added at the end.
pub(super) fn set(text: &str, key: &str, value: &str) -> String {
    let line = format!("{key} = {value}");
    let mut start = 0;
    let mut found = None;
    for whole in text.split_inclusive('\n') {
        match setting(whole) {
            Some((k, _)) if k == key => {
                found = Some(start..start + whole.trim_end_matches(['\r', '\n']).len());
            }
            Some(("lxc.include", _)) => found = None,
            _ => {}
        }
        start += whole.len();
    }
    match found {
        Some(range) => format!("{}{line}{}", &text[..range.start], &text[range.end..]),
        None if text.is_empty() || text.ends_with('\n') => format!("{text}{line}\n"),
        None => format!("{text}\n{line}\n"),
    }
}

/// The key and value of a line; `None` for comments and anything else.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    (!key.starts_with('#')).then(|| (key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# limits\r\nlxc.uts.name=web\n#lxc.cgroup.cpu.cfs_quota_us = 1\n\
        lxc.cgroup.cpu.cfs_quota_us = 20000\n  lxc.cgroup.cpu.cfs_quota_us=50000  \n\nlxc.net.0.type = empty";

    #[test]
    fn the_last_line_counts_and_is_replaced() {
        assert_eq!(get(FILE, "lxc.cgroup.cpu.cfs_quota_us"), Some("50000"));
        let changed = set(FILE, "lxc.cgroup.cpu.cfs_quota_us", "70000");
        assert_eq!(
            changed,
            FILE.replace(
                "  lxc.cgroup.cpu.cfs_quota_us=50000  ",
                "lxc.cgroup.cpu.cfs_quota_us = 70000"
            )
        );
    }

    #[test]
    fn a_new_key_goes_to_the_end() {
        assert_eq!(set("", "a", "1"), "a = 1\n");
        assert_eq!(set(FILE, "a", "1"), format!("{FILE}\na = 1\n"));
    }

    #[test]
    fn a_later_include_cannot_win() {
        let file = "a = 1\nlxc.include = /etc/x\n";
        assert_eq!(set(file, "a", "2"), format!("{file}a = 2\n"));
    }

    proptest! {
        /// Whatever the file holds: the key reads back, all other settings and their order stay, and
        /// setting twice is setting once.
        #[test]
        fn only_the_key_changes(text in "([a-c# =.\r]{0,12}\n?){0,8}", value in "[0-9]{1,9}") {
            let changed = set(&text, "b", &value);
            prop_assert_eq!(get(&changed, "b"), Some(value.as_str()));
            prop_assert_eq!(&set(&changed, "b", &value), &changed);
            let others = |t: &str| -> Vec<String> {
                let lines = t.lines().filter(|l| setting(l).is_none_or(|(k, _)| k != "b"));
                lines.map(|l| l.trim_end_matches('\r').to_owned()).collect()
            };
            prop_assert_eq!(others(&changed), others(&text));
        }
    }
}
