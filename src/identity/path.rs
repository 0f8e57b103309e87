//! What a cgroup's path says by itself.

/// The last part of a path: the cgroup's own name.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the cgroup above; empty below the root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit('/').nth(1).unwrap_or("")
}

/// A cgroup's name that ends in the full id of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf<'a> {
    /// The slice that stands in the name where a runtime was given a path in systemd's notation
    /// without speaking to systemd: `SLICE:PREFIX:ID`.
    pub slice: Option<&'a str>,
    /// What stands before the id, such as `docker`; may be empty.
    pub prefix: &'a str,
    /// 64 hexadecimal digits in lower case.
    pub id: &'a str,
}

/// Digits of a full container id.
const ID_DIGITS: usize = 64;

/// Reads `ID`, `PREFIX-ID`, `PREFIX-ID.scope` and `SLICE:PREFIX:ID`.
pub(super) fn leaf(base: &str) -> Option<Leaf<'_>> {
    let unit = base.strip_suffix(".scope");
    let name = unit.unwrap_or(base);
    let (before, id) = name.split_at_checked(name.len().checked_sub(ID_DIGITS)?)?;
    if !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    if before.is_empty() {
        return unit.is_none().then_some(Leaf { slice: None, prefix: "", id });
    }
    if let Some(prefix) = before.strip_suffix('-') {
        return Some(Leaf { slice: None, prefix, id });
    }
    let (slice, prefix) = before.strip_suffix(':')?.split_once(':')?;
    Some(Leaf { slice: Some(slice), prefix, id })
}

/// The user whose systemd manager the cgroup belongs to: `user-1000.slice`, `user@1000.service`.
pub(super) fn user(path: &str) -> Option<u32> {
    path.split('/').find_map(|part| {
        let id = part
            .strip_prefix("user@")
            .and_then(|rest| rest.strip_suffix(".service"))
            .or_else(|| part.strip_prefix("user-").and_then(|rest| rest.strip_suffix(".slice")))?;
        id.parse().ok()
    })
}

/// Undoes systemd's escapes `\xNN` in a unit's name. What is no whole escape stays as it is.
pub(super) fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        match escaped(rest) {
            Some(plain) => {
                out.push(plain);
                rest = &rest[4..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn escaped(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_found_with_what_stands_before() {
        let id = "0123456789abcdef".repeat(4);
        let id = id.as_str();
        let cases = [
            (id.to_owned(), Some((None, ""))),
            (format!("docker-{id}.scope"), Some((None, "docker"))),
            (format!("libpod-payload-{id}"), Some((None, "libpod-payload"))),
            (
                format!("kubepods-podx.slice:cri-containerd:{id}"),
                Some((Some("kubepods-podx.slice"), "cri-containerd")),
            ),
            (format!("{id}.scope"), None),
            (format!("x{id}"), None),
            (format!("x:{id}"), None),
            (format!("docker-{}.scope", &id[1..]), None),
            (format!("docker-{}.scope", id.to_uppercase()), None),
            (format!("docker-{id}.mount"), None),
            (String::new(), None),
        ];
        for (base, expected) in cases {
            let found = leaf(&base).map(|leaf| {
                assert_eq!(leaf.id, id);
                (leaf.slice, leaf.prefix)
            });
            assert_eq!(found, expected, "{base}");
        }
    }

    #[test]
    fn users_are_found() {
        let scope = "/user.slice/user-1000.slice/user@1000.service/user.slice/x.scope";
        assert_eq!(user(scope), Some(1000));
        assert_eq!(user("/user.slice/user-0.slice/session-1.scope"), Some(0));
        for none in
            ["/user.slice", "/user-x.slice", "/user-1.slice.d", "/", "/user@99999999999.service"]
        {
            assert_eq!(user(none), None, "{none}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(r"qemu\x2d3\x2dweb\x2d1"), "qemu-3-web-1");
        assert_eq!(unescape(r"gr\xc3\xb6\xc3\x9fe"), "größe");
        assert_eq!(unescape(r"a\x2\xzz\"), r"a\x2\xzz\");
        assert_eq!(unescape(r"\xff"), r"\xff", "no UTF-8 comes out of it");
    }

    proptest! {
        #[test]
        fn any_path_is_read(path in "(/.{0,80}){0,4}") {
            let _ = (leaf(base(&path)), parent(&path), user(&path), unescape(&path));
        }

        #[test]
        fn any_name_survives_systemd(name in ".{0,30}") {
            let escape = |byte: u8| match byte {
                b'a'..=b'z' => char::from(byte).to_string(),
                other => format!("\\x{other:02x}"),
            };
            let unit: String = name.bytes().map(escape).collect();
            prop_assert_eq!(unescape(&unit), name);
        }
    }
}
