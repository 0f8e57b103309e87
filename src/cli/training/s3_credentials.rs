//! Who asks for files of a bucket: the usual variables, then the usual files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use rusty_s3::Credentials;

use super::Failure;

/// Variables of the environment that count.
const NAMES: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "HOME",
];

/// The variables, by name.
pub struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    /// Those of this process; an empty one counts as missing.
    pub fn of_process() -> Self {
        let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self(NAMES.into_iter().filter_map(|name| Some((name, value(name)?))).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn profile(&self) -> &str {
        self.get("AWS_PROFILE").unwrap_or("default")
    }

    /// The file that `variable` names, or `name` in the folder `.aws` at home.
    fn file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        let usual = || Some(PathBuf::from(self.get("HOME")?).join(".aws").join(name));
        self.get(variable).map(PathBuf::from).or_else(usual)
    }

    /// The settings of the profile in the credentials file, then in the configuration file.
    fn settings(&self) -> Result<BTreeMap<String, String>, Failure> {
        let profile = self.profile();
        let mut settings = BTreeMap::new();
        let sections = [profile.to_owned(), format!("profile {profile}")];
        for path in [
            self.file("AWS_CONFIG_FILE", "config"),
            self.file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ] {
            let Some(path) = path else { continue };
            match fs::read_to_string(&path) {
                Ok(text) => settings.extend(section(&text, &sections)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(format!("{}: cannot read: {error}", path.display()).into());
                }
            }
        }
        Ok(settings)
    }
}

/// The credentials: from the environment, or else of the profile; `None` where there are none.
pub fn find(variables: &Variables) -> Result<Option<Credentials>, Failure> {
    let build = |key: &str, secret: &str, token: Option<&str>| match token {
        Some(token) => Credentials::new_with_token(key, secret, token),
        None => Credentials::new(key, secret),
    };
    let id = variables.get("AWS_ACCESS_KEY_ID");
    if let Some((key, secret)) = id.zip(variables.get("AWS_SECRET_ACCESS_KEY")) {
        return Ok(Some(build(key, secret, variables.get("AWS_SESSION_TOKEN"))));
    }
    let settings = variables.settings()?;
    let get = |key: &str| settings.get(key).map(String::as_str);
    let pair = get("aws_access_key_id").zip(get("aws_secret_access_key"));
    Ok(pair.map(|(key, secret)| build(key, secret, get("aws_session_token"))))
}

/// The region, from the environment or else of the profile.
pub fn region(variables: &Variables) -> Option<String> {
    let named = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION"));
    let of_profile = || variables.settings().ok()?.remove("region");
    named.map(str::to_owned).or_else(of_profile)
}

/// The base URL of the server, from the environment or else of the profile.
pub fn endpoint(variables: &Variables) -> Option<String> {
    let named = variables.get("AWS_ENDPOINT_URL_S3").or_else(|| variables.get("AWS_ENDPOINT_URL"));
    let of_profile = || variables.settings().ok()?.remove("endpoint_url");
    named.map(str::to_owned).or_else(of_profile)
}

/// The keys of the sections with one of these names.
fn section(text: &str, names: &[String]) -> BTreeMap<String, String> {
    let mut within = false;
    let mut keys = BTreeMap::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = names.iter().any(|wanted| wanted == name.trim());
        } else if within
            && !trimmed.starts_with(['#', ';'])
            // An indented line belongs to the key above it.
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = trimmed.split_once('=')
        {
            keys.insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&'static str, &str)]) -> Variables {
        Variables(pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn the_environment_counts_before_files_and_the_profile_says_which_section() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(".aws")).expect("a folder");
        let credentials = "[default]\naws_access_key_id = A\naws_secret_access_key=B\n\n# no\n[other]\n\
                           aws_access_key_id=C\naws_secret_access_key=D=\naws_session_token=E\n";
        let config = "[default]\nregion = eu-west-1\ns3 =\n  region = no\n[profile other]\nregion=us-west-2\n\
                      endpoint_url = http://localhost:1\n";
        for (name, text) in [("credentials", credentials), ("config", config)] {
            fs::write(folder.path().join(".aws").join(name), text).expect("written");
        }
        let home = folder.path().to_str().expect("text");
        let found = |pairs: &[(&'static str, &str)]| {
            let all = variables(&[pairs, &[("HOME", home)]].concat());
            let found = find(&all).expect("readable").expect("credentials");
            let token = found.token().map(str::to_owned);
            (found.key().to_owned(), found.secret().to_owned(), token, region(&all), endpoint(&all))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found(&[]), ("A".into(), "B".into(), None, some("eu-west-1"), None));
        assert_eq!(
            found(&[("AWS_PROFILE", "other")]),
            ("C".into(), "D=".into(), some("E"), some("us-west-2"), some("http://localhost:1"))
        );
        let of_process = [
            ("AWS_ACCESS_KEY_ID", "X"),
            ("AWS_SECRET_ACCESS_KEY", "Y"),
            ("AWS_DEFAULT_REGION", "r"),
        ];
        assert_eq!(found(&of_process), ("X".into(), "Y".into(), None, some("r"), None));
        assert!(find(&variables(&[])).expect("nothing to read").is_none());
    }
}
