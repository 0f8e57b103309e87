//! `--web.listen-address`.

use std::fmt;
use std::str::FromStr;

/// Where to listen: `HOST:PORT`, or `:PORT` for all interfaces. Port 0 lets the kernel choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address without brackets; `None` is all interfaces.
    pub(super) host: Option<String>,
    pub(super) port: u16,
}

impl ListenAddress {
    /// All interfaces, IPv6 and IPv4.
    pub const fn any(port: u16) -> Self {
        Self { host: None, port }
    }

    /// IPv4 loopback only.
    pub fn loopback(port: u16) -> Self {
        Self { host: Some("127.0.0.1".to_owned()), port }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || format!("expected HOST:PORT, [IPV6]:PORT or :PORT, found {text:?}");
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
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
            None => write!(f, ":{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        for good in [":10101", "127.0.0.1:0", "localhost:80", "[::]:9100", "[fe80::1%eth0]:1"] {
            let address: ListenAddress = good.parse().expect(good);
            assert_eq!(address.to_string(), good);
        }
        assert_eq!(":10101".parse(), Ok(ListenAddress::any(10101)));
        for bad in ["", "10101", "host:", ":65536", "::1:80", "[::1]", "[host]:80", "http://h:80"] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_the_same(text in "[\\[\\]:.a-z0-9]{0,12}:[0-9]{1,5}") {
            if let Ok(address) = text.parse::<ListenAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
