//! The body of Alertmanager's webhook, version 4
//! (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>).

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::journal::AlertStatus;
use crate::target::Labels;
use crate::units::Timestamp;

/// The one version there is; a receiver with a `payload` of its own may send anything else.
const VERSION: &str = "4";

/// Longer fingerprints are not Alertmanager's, which has 16 hexadecimal digits.
const LONGEST_FINGERPRINT: usize = 64;

/// What is read of one webhook. Alertmanager adds fields from version to version; those are ignored, and
/// those that older versions lack have defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The alerts of the group that changed or are repeated.
    #[serde(default, deserialize_with = "null_is_default")]
    pub alerts: Vec<Alert>,
    /// How many more there were than the receiver's `max_alerts` lets through.
    #[serde(default, deserialize_with = "null_is_default")]
    pub truncated_alerts: u64,
}

/// One alert of a webhook.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Whether it stands.
    pub status: AlertStatus,
    /// Its labels. Anyone who can write a metric can write them: they are compared, never executed.
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: Labels,
    /// When this episode began; the epoch where it is not said.
    #[serde(default)]
    pub starts_at: Timestamp,
    /// Alertmanager's hash of the labels: who the alert is.
    #[serde(default, deserialize_with = "null_is_default")]
    fingerprint: String,
}

impl Alert {
    /// The alert's name; empty where it has none.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// Alertmanager's fingerprint; where it sent none, one of our own over the labels.
    pub fn fingerprint(&self) -> String {
        if !self.fingerprint.is_empty() && self.fingerprint.len() <= LONGEST_FINGERPRINT {
            return self.fingerprint.clone();
        }
        let mut hash = Sha256::new();
        for part in self.labels.iter().flat_map(|(name, value)| [name, value]) {
            // No UTF-8 text holds this byte, so that ("ab", "c") is not ("a", "bc").
            hash.update(part.as_bytes());
            hash.update([0xff]);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why a body is not a webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Not JSON, or not of the webhook's shape.
    #[error(
        "malformed webhook: {0}; expected the JSON that Alertmanager's webhook_config sends (version \"4\")"
    )]
    Malformed(#[from] serde_json::Error),
    /// Another version.
    #[error(
        "webhook version: expected \"4\", found {0}; send Alertmanager's own body, without a `payload` in webhook_config"
    )]
    Version(String),
}

impl Webhook {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong with it and what to do; nothing of a wrong body is used.
    pub fn parse(body: &[u8]) -> Result<Self, WebhookError> {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(default)]
            version: serde_json::Value,
        }
        // The version first: another one may differ in every other field.
        let Envelope { version } = serde_json::from_slice(body)?;
        if version.as_str() != Some(VERSION) {
            let found = if version.is_null() { "none".to_owned() } else { shorten(version) };
            return Err(WebhookError::Version(found));
        }
        Ok(serde_json::from_slice(body)?)
    }
}

fn shorten(version: serde_json::Value) -> String {
    let text = version.to_string();
    if text.chars().count() <= 20 {
        text
    } else {
        text.chars().take(20).chain("…".chars()).collect()
    }
}

/// Go writes an empty slice or map as `null`.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = r#"{"receiver":"loadline","status":"firing","alerts":[
        {"status":"firing","labels":{"alertname":"ContainerCpuSaturated","instance":"h:1","name":"shop"},
         "annotations":{"summary":"s"},"startsAt":"2026-01-01T00:00:00.123Z","endsAt":"0001-01-01T00:00:00Z",
         "generatorURL":"http://p/graph","fingerprint":"00112233aabbccdd"}],
        "notification_reason":"first notification","groupLabels":{},"commonLabels":{},"commonAnnotations":{},
        "routeLabels":{},"externalURL":"http://a","version":"4","groupKey":"{}:{}","truncatedAlerts":3}"#;

    #[test]
    fn a_webhook_is_read() {
        let webhook = Webhook::parse(BODY.as_bytes()).unwrap();
        assert_eq!(webhook.truncated_alerts, 3);
        let [alert] = webhook.alerts.as_slice() else { panic!("one alert") };
        assert_eq!(alert.status, AlertStatus::Firing);
        assert_eq!(alert.name(), "ContainerCpuSaturated");
        assert_eq!(alert.fingerprint(), "00112233aabbccdd");
        assert_eq!(alert.starts_at, Timestamp::from_millis(1_767_225_600_123));
    }

    #[test]
    fn missing_fields_have_defaults() {
        let webhook = Webhook::parse(br#"{"version":"4"}"#).unwrap();
        assert_eq!(webhook, Webhook::default());
        let body = br#"{"version":"4","alerts":[{"status":"resolved","labels":null}],"truncatedAlerts":null}"#;
        let webhook = Webhook::parse(body).unwrap();
        assert_eq!(webhook.alerts[0].status, AlertStatus::Resolved);
        assert_eq!(webhook.alerts[0].name(), "");
        assert_eq!(
            Webhook::parse(br#"{"version":"4","alerts":null}"#).unwrap(),
            Webhook::default()
        );
    }

    #[test]
    fn a_missing_fingerprint_is_made_of_the_labels() {
        let alert = |labels: &[(&str, &str)]| Alert {
            status: AlertStatus::Firing,
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            starts_at: Timestamp::default(),
            fingerprint: String::new(),
        };
        let one = alert(&[("alertname", "X"), ("name", "a")]).fingerprint();
        assert_eq!(one.len(), 16);
        assert_eq!(one, alert(&[("name", "a"), ("alertname", "X")]).fingerprint());
        assert_ne!(one, alert(&[("alertname", "X"), ("name", "b")]).fingerprint());
        assert_ne!(alert(&[("ab", "c")]).fingerprint(), alert(&[("a", "bc")]).fingerprint());
    }

    #[test]
    fn wrong_bodies_say_what_to_do() {
        let error = |body: &str| Webhook::parse(body.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                "",
                "[]",
                r#"{"alerts":[]}"#,
                r#"{"version":"3","alerts":7}"#,
                r#"{"version":4}"#,
                r#"{"version":"4","alerts":[{"status":"pending"}]}"#,
                r#"{"version":"4","alerts":[{"status":"firing","startsAt":"yesterday"}]}"#,
                r#"{"version":"4","alerts":[{"status":"firing","labels":{"alertname":1}}]}"#,
                r#"{"version":"4","truncatedAlerts":-1}"#,
                &BODY[..200],
            ]
            .map(error)
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Webhook::parse(&body);
        }

        #[test]
        fn a_cut_body_is_refused(length in 0..BODY.len()) {
            prop_assert!(Webhook::parse(&BODY.as_bytes()[..length]).is_err());
        }

        #[test]
        fn a_changed_byte_never_panics(at in 0..BODY.len(), byte in any::<u8>()) {
            let mut body = BODY.as_bytes().to_vec();
            body[at] = byte;
            let _ = Webhook::parse(&body);
        }
    }
}
