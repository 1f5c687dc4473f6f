//! The users, as they were read from their file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{Document, Named, Record, TokenRecord};
use super::secret::{PasswordDigest, TokenDigest};
use crate::domain::{Account, CertificateName, DevicePattern, Role, TopicPattern, UserName};

/// All users, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(Vec<User>);

/// One user, and how it proves that it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub name: UserName,
    /// What it may do.  The same `Arc` as long as nothing of the user was changed.
    pub account: Arc<Account>,
    /// Its password; without one it has only tokens and certificates.
    pub password: Option<PasswordDigest>,
    /// When it can't sign in any more, in seconds since 1970-01-01T00:00:00Z.
    pub expires: Option<u64>,
    /// Its tokens, each with the time from which it is worthless.
    pub tokens: Vec<(TokenDigest, Option<u64>)>,
    /// The names of its certificates, none of which is another user's as well.
    pub certificates: Vec<CertificateName>,
}

/// The version of the file that is written, and read.
const VERSION: u32 = 1;

impl Users {
    /// Reads the text of a users file, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Users, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        let document: Document = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let what = without_text(&error.inner().to_string());
            if path == "." { what } else { format!("{path}: {what}") }
        })?;
        json.end().map_err(|error| error.to_string())?;
        if document.version != VERSION {
            return Err(format!(
                "version {} is not {VERSION}, which this gatekeeper reads",
                document.version
            ));
        }
        let user = |(name, record): (String, Record)| {
            User::of(&name, record).map_err(|what| format!("users.{name}: {what}"))
        };
        let users = Users(document.users.0.into_iter().map(user).collect::<Result<_, _>>()?);
        users.check_certificates()?;
        Ok(users)
    }

    /// The text of the file with these users.
    pub fn to_text(&self) -> String {
        let users = self.0.iter().map(|user| (user.name.to_string(), user.record())).collect();
        let document = Document { version: VERSION, users: Named(users) };
        // Into memory, and without a key that is no text.
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Every user.
    pub fn all(&self) -> &[User] {
        &self.0
    }

    /// The user of this name.
    pub fn find(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|user| user.name.as_str() == name)
    }

    /// The user whom this name in a certificate belongs to.
    pub fn of_certificate(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|user| user.certificates.iter().any(|known| known.as_str() == name))
    }

    /// The user of this name, to be changed.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut User> {
        self.0.iter_mut().find(|user| user.name.as_str() == name)
    }

    /// Adds a user, whose name is not there yet.
    pub fn add(&mut self, user: User) {
        self.0.push(user);
    }

    /// Removes a user; false where there is none.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|user| user.name.as_str() != name);
        self.0.len() < before
    }

    /// Takes over the accounts of those who are the same as before, but for tokens and certificates that they have got.
    #[must_use]
    pub fn after(mut self, before: &Users) -> Users {
        for user in &mut self.0 {
            if let Some(same) = before.find(user.name.as_str()).filter(|known| user.goes_on_as(known)) {
                user.account = same.account.clone();
            }
        }
        self
    }

    /// A certificate says who somebody is, so its name stands once.
    fn check_certificates(&self) -> Result<(), String> {
        let mut owners = BTreeMap::new();
        for user in &self.0 {
            for name in &user.certificates {
                if let Some(owner) = owners.insert(name, &user.name) {
                    return Err(format!(
                        "users.{}: certificates: {name:?} is one of {owner}'s already, and makes whoever shows it one \
                         user only",
                        user.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether an account is still one of a user.
    pub fn has(&self, account: &Arc<Account>) -> bool {
        let user = account.user.as_ref().and_then(|name| self.find(name.as_str()));
        user.is_some_and(|user| Arc::ptr_eq(&user.account, account))
    }
}

impl User {
    fn of(name: &str, record: Record) -> Result<User, String> {
        let name = UserName::parse(name).map_err(|error| error.to_string())?;
        let role = Role::parse(&record.role)
            .ok_or_else(|| format!("role {:?} is none of viewer, operator and admin", record.role))?;
        let (mut devices, mut topics) = Account::unrestricted();
        if let Some(patterns) = record.devices {
            devices = patterns.iter().map(|text| device_pattern(text)).collect::<Result<_, _>>()?;
        }
        if let Some(patterns) = record.topics {
            topics = patterns.iter().map(|text| topic_pattern(text)).collect::<Result<_, _>>()?;
        }
        let password = record.password.as_deref().map(PasswordDigest::parse).transpose()?;
        let token = |token: TokenRecord| Ok((TokenDigest::parse(&token.sha256)?, token.expires));
        let tokens = record.tokens.into_iter().map(token).collect::<Result<_, &str>>()?;
        let certificates =
            record.certificates.iter().map(|text| certificate_name(text)).collect::<Result<_, _>>()?;
        let account = Arc::new(Account { user: Some(name.clone()), role, devices, topics });
        Ok(User { name, account, password, expires: record.expires, tokens, certificates })
    }

    fn record(&self) -> Record {
        let (all_devices, all_topics) = Account::unrestricted();
        let Account { role, devices, topics, .. } = &*self.account;
        let devices_text = devices.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        let topics_text = topics.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        let token = |(digest, expires): &(TokenDigest, Option<u64>)| TokenRecord {
            sha256: digest.to_string(),
            expires: *expires,
        };
        Record {
            role: role.as_str().to_owned(),
            password: self.password.as_ref().map(ToString::to_string),
            expires: self.expires,
            devices: (*devices != all_devices).then_some(devices_text),
            topics: (*topics != all_topics).then_some(topics_text),
            tokens: self.tokens.iter().map(token).collect(),
            certificates: self.certificates.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether who has signed in as `before` may go on as this one.
    fn goes_on_as(&self, before: &User) -> bool {
        let same = self.account == before.account
            && self.password == before.password
            && self.expires == before.expires;
        same && before.tokens.iter().all(|token| self.tokens.contains(token))
            && before.certificates.iter().all(|name| self.certificates.contains(name))
    }
}

/// What is wrong, without the text that stands where something else is expected: it may be a secret.
fn without_text(what: &str) -> String {
    match (what.find(" \""), what.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &what[..start], &what[end + 1..]),
        _ => what.to_owned(),
    }
}

fn device_pattern(text: &str) -> Result<DevicePattern, String> {
    DevicePattern::parse(text).map_err(|error| format!("devices: {text:?}: {error}"))
}

fn certificate_name(text: &str) -> Result<CertificateName, String> {
    CertificateName::parse(text).map_err(|error| format!("certificates: {text:?}: {error}"))
}

fn topic_pattern(text: &str) -> Result<TopicPattern, String> {
    TopicPattern::parse(text).map_err(|error| format!("topics: {text:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHC: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn file(users: &str) -> String {
        format!(r#"{{"version": 1, "users": {{{users}}}}}"#)
    }

    fn users(text: &str) -> Users {
        Users::parse(&file(text)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let digest = "0".repeat(64);
        let read = users(&format!(
            r#""anna": {{"role": "operator", "password": "{PHC}", "expires": 5, "devices": ["lamp*"], "topics": []}},
            "esp": {{"role": "viewer", "tokens": [{{"sha256": "{digest}", "expires": 7}}, {{"sha256": "{digest}"}}],
            "certificates": ["esp1.home", "Küche"]}}"#
        ));
        assert_eq!(Users::parse(&read.to_text()), Ok(read.clone()));
        assert!(read.to_text().contains(PHC) && read.to_text().ends_with("}\n"));
        assert_eq!(read.find("esp").map(|user| user.tokens.len()), Some(2));
        let owner = |name| read.of_certificate(name).map(|user| user.name.as_str());
        assert_eq!(["Küche", "esp1.home", "Esp1.home"].map(owner), [Some("esp"), Some("esp"), None]);
        assert_eq!(Users::parse(&Users::default().to_text()), Ok(Users::default()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, what) in [
            ("", "EOF"),
            ("5", "invalid type"),
            (r#"{"version": 2, "users": {}}"#, "version 2 is not 1"),
            (r#"{"version": 1, "users": {}} x"#, "trailing"),
            (&file(r#""a b": {"role": "admin"}"#), "users.a b: a user name"),
            (&file(r#""a": {"role": "root"}"#), r#"users.a: role "root""#),
            (&file(r#""a": {}"#), "users.a: missing field `role`"),
            (&file(r#""a": {"role": "admin", "x": 1}"#), "unknown field `x`"),
            (&file(r#""a": {"role": "admin"}, "a": {"role": "viewer"}"#), "a stands there twice"),
            (
                &file(r#""a": {"role": "admin", "password": "secret"}"#),
                "users.a: the password is no PHC string",
            ),
            (
                &file(r#""a": {"role": "viewer", "tokens": "secret\", expected"}"#),
                "users.a.tokens: invalid type: string, expected a sequence",
            ),
            (&file(r#""a": {"role": "viewer", "expires": "secret"}"#), "invalid type: string, expected u64"),
            (&file(r#""a": {"role": "viewer", "devices": ["A"]}"#), r#"users.a: devices: "A": "#),
            (&file(r#""a": {"role": "viewer", "topics": ["a#"]}"#), r#"users.a: topics: "a#": "#),
            (
                &file(r#""a": {"role": "viewer", "tokens": [{"sha256": "0"}]}"#),
                "users.a: the digest of a token",
            ),
            (
                &file(r#""a": {"role": "viewer", "certificates": [""]}"#),
                r#"users.a: certificates: "": a name in a certificate has 1 to 256 bytes"#,
            ),
            (&file(r#""a": {"role": "viewer", "certificates": "x"}"#), "users.a.certificates: invalid type"),
            (
                &file(r#""a": {"role": "viewer", "certificates": ["x", "x"]}"#),
                r#"users.a: certificates: "x" is one of a's already"#,
            ),
            (
                &file(
                    r#""a": {"role": "viewer", "certificates": ["x"]}, "b": {"role": "admin", "certificates": ["y", "x"]}"#,
                ),
                r#"users.b: certificates: "x" is one of a's already"#,
            ),
        ] {
            let error = Users::parse(text).expect_err(text);
            assert!(error.contains(what), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn accounts_go_on_as_long_as_nothing_is_taken_away() {
        let digest = "0".repeat(64);
        let token = format!(r#"{{"sha256": "{digest}"}}"#);
        let a = |rest: &str| format!(r#""a": {{"role": "viewer", "tokens": [{token}]{rest}}}"#);
        let before = users(&a(r#", "certificates": ["x"]"#));
        let account = before.all()[0].account.clone();
        for (text, goes_on) in [
            (a(r#", "certificates": ["x"]"#) + r#", "b": {"role": "admin"}"#, true),
            (a(r#", "certificates": ["y", "x"]"#), true),
            (a(r#", "certificates": ["y"]"#), false),
            (
                format!(
                    r#""a": {{"role": "viewer", "certificates": ["x"], "tokens": [{token}, {{"sha256": "{digest}", "expires": 1}}]}}"#
                ),
                true,
            ),
            (r#""a": {"role": "viewer", "certificates": ["x"]}"#.to_owned(), false),
            (a(r#", "certificates": ["x"]"#).replace("viewer", "admin"), false),
            (a(&format!(r#", "certificates": ["x"], "password": "{PHC}""#)), false),
            (String::new(), false),
        ] {
            assert_eq!(users(&text).after(&before).has(&account), goes_on, "{text}");
        }
    }
}
