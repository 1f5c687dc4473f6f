//! What flags, environment and a file say about where to go and as whom: the first of them that says something counts.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::backoff::random_bits;
use super::{Address, Secret, Settings};
use crate::domain::ClientId;

/// What one of them says.  Its secrets are not shown, so it can't be printed.
#[derive(Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Where to: `line://[user@]host[:port]`.
    pub url: Option<String>,
    /// As which user.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// The token of a device, in the place of user and password.
    pub token: Option<String>,
    /// The authority that has signed the gatekeeper's certificate; PEM.
    pub ca: Option<PathBuf>,
    /// An own certificate; PEM.
    pub certificate: Option<PathBuf>,
    /// Its key; PEM.
    pub key: Option<PathBuf>,
    /// What the client is called.
    pub client: Option<String>,
}

/// Where a gatekeeper is unless somebody says otherwise.
const DEFAULT: &str = "line://127.0.0.1";
/// The largest file, in bytes.
const LARGEST: u64 = 64 << 10;

/// Where the file is: where `GATEKEEPER_CREDENTIALS` says, and then it has to be there, or in the user's configuration.
pub fn file_in(environment: impl Fn(&str) -> Option<String>) -> Result<Option<PathBuf>, String> {
    let set = |key: &str| environment(key).filter(|value| !value.is_empty());
    if let Some(path) = set("GATEKEEPER_CREDENTIALS") {
        return Ok(Some(path.into()));
    }
    let folder = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
    let path = folder.map(|folder| folder.join("gpio-gatekeeper/client.json"));
    let is_there = |path: &PathBuf| path.try_exists().map_err(|error| format!("{}: {error}", path.display()));
    match path {
        Some(path) if is_there(&path)? => Ok(Some(path)),
        _ => Ok(None),
    }
}

impl Given {
    /// What the environment says.
    pub fn in_environment(environment: impl Fn(&str) -> Option<String>) -> Given {
        let set = |key: &str| environment(&format!("GATEKEEPER_{key}")).filter(|value| !value.is_empty());
        Given {
            url: set("URL"),
            user: set("USER"),
            password: set("PASSWORD"),
            token: set("TOKEN"),
            ca: set("CA").map(PathBuf::from),
            certificate: set("CERTIFICATE").map(PathBuf::from),
            key: set("KEY").map(PathBuf::from),
            client: set("CLIENT"),
        }
    }

    /// What a file says, which nobody but its owner may be able to read.
    pub fn in_file(path: &Path) -> Result<Given, String> {
        let shown = path.display();
        let unreadable = |error: io::Error| format!("{shown} can't be read: {error}");
        let mut file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!("{shown}: others can read it (mode {mode:04o}): `chmod 600 {shown}`"));
        }
        if metadata.len() > LARGEST {
            return Err(format!("{shown} is larger than 64 KiB"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        // What the error says of the text is where it is, and not what.
        serde_json::from_str(&text).map_err(|error| {
            let what = error.to_string();
            format!("{shown}: {what}; it is a JSON object with url, user, password, token, ca, certificate, key, client")
        })
    }

    /// What this says, and what is below it where this says nothing.  A secret below is not one of another user's.
    #[must_use]
    pub fn over(mut self, below: Given) -> Given {
        self.user = self.user.or_else(|| user_in(self.url.as_deref()));
        let user_below = below.user.or_else(|| user_in(below.url.as_deref()));
        let has_secret = self.password.is_some() || self.token.is_some();
        if !has_secret && (self.user.is_none() || self.user == user_below) {
            (self.password, self.token) = (below.password, below.token);
        } else if !has_secret && user_below.is_none() {
            // A password without a user is that of whoever is named elsewhere; a token is somebody's already.
            self.password = below.password;
        }
        // A key belongs to its certificate.
        if self.certificate.is_none() && self.key.is_none() {
            (self.certificate, self.key) = (below.certificate, below.key);
        }
        Given {
            url: self.url.or(below.url),
            user: self.user.or(user_below),
            ca: self.ca.or(below.ca),
            client: self.client.or(below.client),
            ..self
        }
    }

    /// What comes of it.  A password is asked for where a user has none, and no other way to say who it is.
    pub fn settings(
        self,
        timeout: Duration,
        ask: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<Settings, String> {
        let address: Address = self.url.as_deref().unwrap_or(DEFAULT).parse()?;
        let user = self.user.or_else(|| address.user.clone());
        let certificate = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("a certificate and its key belong together".to_owned()),
        };
        let secret = match (self.token, user, self.password) {
            (Some(_), _, Some(_)) => return Err("give either a token or a password, not both".to_owned()),
            (Some(token), ..) => Some(Secret::Token(token)),
            (None, Some(user), Some(password)) => Some(Secret::Password { user, password }),
            (None, Some(user), None) if certificate.is_none() => {
                let password = ask(&user)?;
                Some(Secret::Password { user, password })
            }
            (None, None, Some(_)) => return Err("a password needs the name of its user".to_owned()),
            (None, _, None) => None,
        };
        let client = self.client.unwrap_or_else(own_name);
        let client = ClientId::parse_chosen(&client).map_err(|error| format!("client id: {error}"))?;
        Ok(Settings { address, secret, ca: self.ca, certificate, client: client.to_string(), timeout })
    }
}

fn user_in(url: Option<&str>) -> Option<String> {
    url.and_then(|url| url.parse::<Address>().ok()).and_then(|address| address.user)
}

/// A name for this process: that of the machine, and chance.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    let host = if host.is_empty() { "cli" } else { &host };
    format!("{host}-{:08x}", random_bits() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(user: Option<&str>, password: Option<&str>, token: Option<&str>) -> Given {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Given { user: owned(user), password: owned(password), token: owned(token), ..Given::default() }
    }

    fn secret(given: Given) -> Option<Secret> {
        let ask = |user: &str| Ok(format!("asked of {user}"));
        given.settings(Duration::from_secs(1), ask).expect("good").secret
    }

    #[test]
    fn the_first_that_says_something_counts() {
        let environment = |key: &str| match key {
            "GATEKEEPER_URL" => Some("lines://bert@pi".to_owned()),
            "GATEKEEPER_CA" => Some("/ca.pem".to_owned()),
            _ => None,
        };
        let flags = Given { client: Some("me".to_owned()), ..Given::default() };
        let file = given(Some("bert"), Some("secret"), None);
        let all = flags.over(Given::in_environment(environment)).over(file);
        let settings = all.settings(Duration::from_secs(1), |_| Err("asked".to_owned())).expect("good");
        assert_eq!(settings.address.to_string(), "lines://pi:7071");
        assert_eq!((settings.client.as_str(), settings.ca), ("me", Some("/ca.pem".into())));
        let password = Secret::Password { user: "bert".to_owned(), password: "secret".to_owned() };
        assert_eq!(settings.secret, Some(password));
    }

    #[test]
    fn nobody_gets_the_secret_of_another() {
        let asked = Secret::Password { user: "anna".to_owned(), password: "asked of anna".to_owned() };
        let of_bert = given(Some("bert"), Some("secret"), None);
        assert_eq!(secret(given(Some("anna"), None, None).over(of_bert)), Some(asked.clone()));
        assert_eq!(secret(given(Some("anna"), None, None).over(given(None, None, Some("gk")))), Some(asked));
        let anna = given(Some("anna"), None, None).over(given(None, Some("hers"), None));
        assert!(matches!(secret(anna), Some(Secret::Password { password, .. }) if password == "hers"));
        let token = given(None, None, Some("gk_1")).over(given(Some("bert"), Some("secret"), None));
        assert_eq!(secret(token), Some(Secret::Token("gk_1".to_owned())));
        assert_eq!(secret(Given::default()), None);
        let shown = format!("{:?}", secret(given(Some("anna"), Some("secret"), None)));
        assert!(shown.contains("anna") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |given: Given| given.settings(Duration::from_secs(1), |_| Ok(String::new())).is_err();
        assert!(refused(given(None, Some("secret"), None)));
        assert!(refused(given(Some("anna"), Some("secret"), Some("gk"))));
        assert!(refused(Given { key: Some("/key".into()), ..Given::default() }));
        assert!(refused(Given { client: Some("a/b".to_owned()), ..Given::default() }));
        assert!(refused(Given { url: Some("mqtt://pi".to_owned()), ..Given::default() }));
        assert!(!refused(Given::default()));
    }

    #[test]
    fn a_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("client.json");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).expect("writable");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("ours");
            Given::in_file(&path)
        };
        let good = write(r#"{"url": "line://pi", "token": "gk"}"#, 0o600).map_err(drop).expect("good");
        assert_eq!((good.url.as_deref(), good.token.as_deref()), (Some("line://pi"), Some("gk")));
        for (text, mode, why) in [
            ("{}", 0o644, "others can read it (mode 0644)"),
            ("{}", 0o640, "chmod 600"),
            (r#"{"pasword": "x"}"#, 0o600, "pasword"),
            ("[]", 0o600, "JSON object"),
        ] {
            let error = write(text, mode).err().expect(why);
            assert!(error.contains(why), "{error}");
        }
    }
}
