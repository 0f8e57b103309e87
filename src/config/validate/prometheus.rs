//! How a Prometheus is reached.

use reqwest::Url;
use reqwest::header::HeaderName;

use super::Check;
use crate::config::{HttpConfig, Prometheus};

impl Check<'_> {
    pub(super) fn prometheus(&mut self, prometheus: &Prometheus) {
        if let Some(problem) = url_problem(&prometheus.url) {
            self.that(false, "prometheus.url", problem);
        }
        self.positive(prometheus.timeout, "prometheus.timeout");
        self.positive(prometheus.max_sample_age, "prometheus.max_sample_age");
        self.positive(prometheus.rate_interval, "prometheus.rate_interval");
        self.http_config(&prometheus.http_config);
    }

    fn http_config(&mut self, http: &HttpConfig) {
        let key = "prometheus.http_config";
        self.that(
            http.basic_auth.is_none() || http.authorization.is_none(),
            key,
            "expected one of basic_auth and authorization, found both",
        );
        if let Some(basic) = &http.basic_auth {
            self.basic_auth(basic, &format!("{key}.basic_auth"));
        }
        if let Some(auth) = &http.authorization {
            let key = format!("{key}.authorization");
            let token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            self.that(
                !auth.kind.is_empty() && auth.kind.chars().all(token),
                format!("{key}.type"),
                format!("expected an authentication scheme such as Bearer, found {:?}", auth.kind),
            );
            self.that(
                !auth.kind.eq_ignore_ascii_case("basic"),
                format!("{key}.type"),
                "expected a scheme other than Basic: use basic_auth",
            );
            self.one_of(
                (&auth.credentials, "credentials"),
                (&auth.credentials_file, "credentials_file"),
                key,
            );
        }
        for (name, value) in &http.http_headers {
            let key = format!("{key}.http_headers.{name}");
            self.that(
                HeaderName::from_bytes(name.as_bytes()).is_ok(),
                key.as_str(),
                "expected the name of an HTTP header",
            );
            self.that(
                !name.eq_ignore_ascii_case("authorization"),
                key.as_str(),
                "expected another header: credentials belong into authorization or basic_auth",
            );
            self.that(
                value.chars().all(|c| c == '\t' || !c.is_control()),
                key.as_str(),
                "expected one line of printable characters",
            );
        }
    }
}

/// What is wrong with the base URL of a Prometheus, if anything.
pub fn url_problem(text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else {
        return Some(format!("expected a URL such as http://localhost:9090, found {text:?}"));
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Some(format!("expected an http:// or https:// URL, found {text:?}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Without the text: it holds a password.
        return Some("expected a URL without credentials: use http_config.basic_auth".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some(format!("expected a URL without ? and #, found {text:?}"));
    }
    None
}
