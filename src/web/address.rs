//! `--web.listen-address`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen: `HOST:PORT`, `:PORT` for all interfaces, or `unix:PATH`. Port 0 lets the kernel
/// choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP.
    Tcp {
        /// A name or an address without brackets; `None` is all interfaces.
        host: Option<String>,
        /// 0 to 65535.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl ListenAddress {
    /// All interfaces, IPv6 and IPv4.
    pub const fn any(port: u16) -> Self {
        Self::Tcp { host: None, port }
    }

    /// IPv4 loopback only.
    pub fn loopback(port: u16) -> Self {
        Self::Tcp { host: Some("127.0.0.1".to_owned()), port }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail =
            || format!("expected HOST:PORT, [IPV6]:PORT, :PORT or unix:/PATH, found {text:?}");
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(fail()) };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(fail)?;
        let port = port.parse().map_err(|_| fail())?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|h| h.contains(':')).ok_or_else(fail)?,
            None => host,
        };
        let bracketed = text.starts_with('[');
        let malformed = host.contains(['[', ']', '/', ' ']) || (host.contains(':') != bracketed);
        if malformed {
            return Err(fail());
        }
        Ok(Self::Tcp { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: Some(host), port } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host: Some(host), port } => write!(f, "{host}:{port}"),
            Self::Tcp { host: None, port } => write!(f, ":{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        for good in [
            ":10101",
            "127.0.0.1:0",
            "localhost:80",
            "[::]:9100",
            "[fe80::1%eth0]:1",
            "unix:/run/x.sock",
        ] {
            let address: ListenAddress = good.parse().expect(good);
            assert_eq!(address.to_string(), good);
        }
        assert_eq!(":10101".parse(), Ok(ListenAddress::any(10101)));
        for bad in [
            "",
            "10101",
            "host:",
            ":65536",
            "::1:80",
            "[::1]",
            "[host]:80",
            "http://h:80",
            "unix:",
            "unix:x",
        ] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_the_same(text in "(unix:/)?[\\[\\]:.a-z0-9]{0,12}:[0-9]{1,5}") {
            if let Ok(address) = text.parse::<ListenAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
