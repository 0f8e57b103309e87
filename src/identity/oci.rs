//! The file `config.json` of the OCI runtime specification: runtimes above leave notes in its annotations.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::file;

/// The annotations of a container.
pub(super) type Annotations = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Spec {
    annotations: Option<Annotations>,
}

pub(super) fn annotations(text: &[u8]) -> Result<Annotations, serde_json::Error> {
    let spec: Spec = serde_json::from_slice(text)?;
    Ok(spec.annotations.unwrap_or_default())
}

/// The annotations in a container's `config.json`; `None` where it is not there.
pub(super) fn read(config: &Path) -> Result<Option<Annotations>, String> {
    match file::read(config) {
        Ok(Some(text)) => annotations(&text).map(Some).map_err(|error| error.to_string()),
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes out a value that says something.
pub(super) fn take(annotations: &mut Annotations, key: &str) -> Option<String> {
    annotations.remove(key).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn annotations_may_be_missing() {
        assert_eq!(annotations(br#"{"process":{}}"#).expect("JSON"), Annotations::new());
        assert_eq!(annotations(br#"{"annotations":null}"#).expect("JSON"), Annotations::new());
        let mut some = annotations(br#"{"annotations":{"a":"b","c":""}}"#).expect("JSON");
        assert_eq!(take(&mut some, "a").as_deref(), Some("b"));
        assert_eq!(take(&mut some, "c"), None);
    }

    proptest! {
        #[test]
        fn any_file_is_parsed_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = annotations(&text);
        }
    }
}
