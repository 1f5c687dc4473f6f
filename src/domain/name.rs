//! Names of devices, clients, users and certificates: built only by parsing, so that whoever holds one holds a good one.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name of a device: 1 to 64 characters of `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName(Arc<str>);

/// The identifier by which a client is known to the others: an MQTT client identifier, or what a line
/// client said in `HELLO`.
///
/// It is one level of a topic (`pi/nodes/{client}/status`), so it has no `/`, `+` or `#`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// The name of a user: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_`, `@` and `-`, the first neither `.` nor `-`.
///
/// It may stand in a pattern for topics, so it has nothing that means something there.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

/// The name that a client's certificate has for the client: 1 to 256 bytes without control characters.
///
/// Two names are the same if every byte of them is: upper and lower case differ, and nothing in one stands for others.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateName(Arc<str>);

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError(&'static str);

impl NameError {
    pub(super) fn of(rule: &'static str) -> NameError {
        NameError(rule)
    }
}

impl DeviceName {
    /// The longest name, in bytes.
    pub const MAXIMUM: usize = 64;

    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<DeviceName, NameError> {
        if text.is_empty() {
            return Err(NameError("a device name needs at least one character"));
        }
        if text.len() > Self::MAXIMUM {
            return Err(NameError("a device name has at most 64 characters"));
        }
        if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
            return Err(NameError("a device name has only lower-case letters a-z, digits, '_' and '-'"));
        }
        Ok(DeviceName(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ClientId {
    /// The longest identifier, in bytes.
    pub const MAXIMUM: usize = 128;

    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<ClientId, NameError> {
        if text.is_empty() {
            return Err(NameError("a client id needs at least one character"));
        }
        if text.len() > Self::MAXIMUM {
            return Err(NameError("a client id has at most 128 bytes"));
        }
        if text.chars().any(|c| c.is_control() || matches!(c, '/' | '+' | '#')) {
            return Err(NameError("a client id has no '/', '+', '#' and no control characters"));
        }
        Ok(ClientId(text.into()))
    }

    /// Takes what a client wants to be called: all but `line-` and a number, which the gatekeeper gives to clients
    /// of the line protocol that do not say who they are.
    pub fn parse_chosen(text: &str) -> Result<ClientId, NameError> {
        let number = text.strip_prefix("line-").unwrap_or_default();
        if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NameError("line- and a number is for clients that choose no id; choose another one"));
        }
        ClientId::parse(text)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserName {
    /// The longest name, in bytes.
    pub const MAXIMUM: usize = 64;

    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<UserName, NameError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'-');
        if text.is_empty() || text.len() > Self::MAXIMUM {
            return Err(NameError("a user name has 1 to 64 characters"));
        }
        if !text.bytes().all(plain) || text.starts_with(['.', '-']) {
            return Err(NameError(
                "a user name has only letters a-z and A-Z, digits, '.', '_', '@' and '-', and begins with neither \
                 '.' nor '-'",
            ));
        }
        Ok(UserName(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CertificateName {
    /// The longest name, in bytes.
    pub const MAXIMUM: usize = 256;

    /// Takes `text` as it is, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<CertificateName, NameError> {
        if text.is_empty() || text.len() > Self::MAXIMUM {
            return Err(NameError("a name in a certificate has 1 to 256 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(NameError("a name in a certificate has no control characters"));
        }
        Ok(CertificateName(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_lower_case_and_bounded() {
        assert!(DeviceName::parse("lamp_1-b").is_ok());
        assert!(DeviceName::parse(&"a".repeat(64)).is_ok());
        for bad in ["", "Lamp", "a/b", "a b", "ä", "a+", &"a".repeat(65)] {
            assert!(DeviceName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn client_ids_fit_into_one_topic_level() {
        assert!(ClientId::parse("esp32-küche|7").is_ok());
        for bad in ["", "a/b", "a+b", "#", "a\nb", &"a".repeat(129)] {
            assert!(ClientId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn user_names_mean_nothing_in_a_topic() {
        assert!(UserName::parse("Anna.B_1@home-x").is_ok() && UserName::parse(&"a".repeat(64)).is_ok());
        for bad in ["", "a b", "a/b", "+", "#", "$x", "%u", "ä", "-a", ".a", &"a".repeat(65)] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_in_certificates_are_any_text_that_can_be_shown() {
        for good in ["esp1.home", "Küche 2", "urn:uuid:1", &"a".repeat(256)] {
            assert!(CertificateName::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a\nb", "\u{7f}", &"a".repeat(257)] {
            assert!(CertificateName::parse(bad).is_err(), "{bad:?}");
        }
        assert_ne!(CertificateName::parse("Esp1.home"), CertificateName::parse("esp1.home"));
    }

    #[test]
    fn nobody_chooses_an_id_that_is_given() {
        assert!(ClientId::parse_chosen("line-7").is_err());
        assert!(ClientId::parse_chosen("line-a").is_ok() && ClientId::parse_chosen("line-").is_ok());
    }
}
