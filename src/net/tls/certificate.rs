//! What of a certificate concerns us: how long it is good, and whose it is.
//!
//! That a certificate is genuine is for others to find out.  Here are only the few fields of RFC 5280 that nobody else
//! tells, read from DER (X.690): each value has a tag, a length, and so many bytes.

/// When a certificate is good, in seconds since 1970; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: i64,
    pub(super) until: i64,
}

/// The value behind a tag, and what follows it.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, in which the version stands.
const VERSION: u8 = 0xa0;
/// `[3]`, in which the extensions stand.
const EXTENSIONS: u8 = 0xa3;
/// In a name of the subject: a name of the Domain Name System, and a URI.
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A longer name is none.
const LONGEST_NAME: usize = 256;

/// When a certificate is good; nothing where it can't be read.
pub(super) fn validity(der: &[u8]) -> Option<Validity> {
    let validity = fields(der)?.validity;
    let from = Value::read(validity)?;
    let until = Value::read(from.rest)?;
    Some(Validity { from: time(&from)?, until: time(&until)? })
}

/// Who shows a certificate: the common name of its subject; where there is none, the first name for the Domain Name
/// System in it, or else the first URI.  Of several common names none is better than the others, so there is none.
pub(super) fn name(der: &[u8]) -> Option<String> {
    let Fields { subject, extensions, .. } = fields(der)?;
    let mut common = each(subject)
        .filter(|part| part.tag == SET)
        .flat_map(|part| each(part.content))
        .filter_map(|attribute| attribute_of(attribute.content, COMMON_NAME));
    match (common.next(), common.next()) {
        (Some(only), None) => return text(&only),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let names = alternative_names(extensions)?;
    let first = |tag| each(names).find(|name| name.tag == tag).and_then(|name| plain(name.content));
    first(DNS_NAME).or_else(|| first(URI))
}

struct Fields<'a> {
    validity: &'a [u8],
    subject: &'a [u8],
    /// What follows the subject, the extensions among it.
    extensions: &'a [u8],
}

fn fields(der: &[u8]) -> Option<Fields<'_>> {
    let certificate = Value::read(der)?.of(SEQUENCE)?;
    let signed = Value::read(certificate.content)?.of(SEQUENCE)?;
    let first = Value::read(signed.content)?;
    // The first version has no field for it.
    let serial = if first.tag == VERSION { Value::read(first.rest)? } else { first };
    let algorithm = Value::read(serial.of(INTEGER)?.rest)?.of(SEQUENCE)?;
    let issuer = Value::read(algorithm.rest)?.of(SEQUENCE)?;
    let validity = Value::read(issuer.rest)?.of(SEQUENCE)?;
    let subject = Value::read(validity.rest)?.of(SEQUENCE)?;
    Some(Fields { validity: validity.content, subject: subject.content, extensions: subject.rest })
}

fn alternative_names(behind_subject: &[u8]) -> Option<&[u8]> {
    let extensions = each(behind_subject).find(|value| value.tag == EXTENSIONS)?;
    let list = Value::read(extensions.content)?.of(SEQUENCE)?;
    let extension = each(list.content).find_map(|extension| {
        let id = Value::read(extension.content)?.of(OBJECT_IDENTIFIER)?;
        (id.content == SUBJECT_ALTERNATIVE_NAME).then_some(id.rest)
    })?;
    // Between the two may stand whether the extension is critical.
    let value = each(extension).find(|value| value.tag == OCTET_STRING)?;
    Some(Value::read(value.content)?.of(SEQUENCE)?.content)
}

/// The value of an attribute, if it is the `wanted` one.
fn attribute_of<'a>(attribute: &'a [u8], wanted: &[u8]) -> Option<Value<'a>> {
    let id = Value::read(attribute)?.of(OBJECT_IDENTIFIER)?;
    if id.content == wanted { Value::read(id.rest) } else { None }
}

fn text(value: &Value<'_>) -> Option<String> {
    matches!(value.tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING).then(|| plain(value.content)).flatten()
}

/// A name without anything that would look like another one in a log.
fn plain(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok()?;
    let good = !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the two forms of RFC 5280, 4.1.2.5.
fn time(value: &Value<'_>) -> Option<i64> {
    let digits = std::str::from_utf8(value.content).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (value.tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year: i64 = year.parse().ok()?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days from 1970 to a day of the Gregorian calendar.  Years are taken to begin in March, so that a leap day is a last
/// one; 153 days are five months from there.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// All values of a text, up to the first that is none.
fn each(mut der: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let value = Value::read(der)?;
        der = value.rest;
        Some(value)
    })
}

impl<'a> Value<'a> {
    fn read(der: &'a [u8]) -> Option<Value<'a>> {
        let (&tag, rest) = der.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // The length has so many bytes itself; four are more than any certificate needs.
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            (
                bytes
                    .iter()
                    .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
                rest,
            )
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some(Value { tag, content, rest })
    }

    /// This value, if it has this tag.
    fn of(self, tag: u8) -> Option<Value<'a>> {
        (self.tag == tag).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    /// A certificate with these common names and these other names.
    fn signed(common: &[&str], others: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        for name in common {
            // A list of names keeps one of each type, so that the second gets a type that is only written the same.
            let oid = [2, 5, 4, 3];
            let of_type = if params.distinguished_name.iter().next().is_none() {
                DnType::CommonName
            } else {
                DnType::CustomDnType(oid.to_vec())
            };
            params.distinguished_name.push(of_type, *name);
        }
        params.distinguished_name.push(DnType::OrganizationName, "somebody else");
        params.subject_alt_names = others;
        (params.not_before, params.not_after) = (date_time_ymd(1999, 12, 31), date_time_ymd(2052, 2, 29));
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().to_vec()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().expect("ASCII"))
    }

    fn uri(name: &str) -> SanType {
        SanType::URI(name.try_into().expect("ASCII"))
    }

    #[test]
    fn a_name_is_the_common_one_or_an_alternative_and_never_a_guess() {
        let others = || vec![uri("urn:uuid:1"), dns("panel.local"), dns("second.local")];
        assert_eq!(name(&signed(&["Küche"], others())).as_deref(), Some("Küche"));
        assert_eq!(name(&signed(&[], others())).as_deref(), Some("panel.local"));
        assert_eq!(name(&signed(&[], vec![uri("urn:uuid:1")])).as_deref(), Some("urn:uuid:1"));
        assert_eq!(name(&signed(&[], Vec::new())), None);
        assert_eq!(name(&signed(&["alice", "bob"], others())), None);
        assert_eq!(name(&signed(&["alice\nroot"], others())), None);
        assert_eq!(name(&signed(&[""], others())), None);
        assert_eq!(name(&signed(&[&"x".repeat(LONGEST_NAME + 1)], others())), None);
    }

    #[test]
    fn both_forms_of_time_are_read() {
        // 1999 is written with two digits of its year, and 2052 with four.
        let validity = validity(&signed(&["a"], Vec::new())).expect("it is there");
        assert_eq!(validity, Validity { from: 946_598_400, until: 2_592_777_600 });
        let utc = |text: &str| time(&Value { tag: UTC_TIME, content: text.as_bytes(), rest: &[] });
        assert_eq!(utc("700101000001Z"), Some(1));
        assert_eq!(utc("491231235959Z"), Some(2_524_607_999));
        for wrong in ["700101000001", "7001010000Z", "70010100000aZ", "\u{e9}00101000001Z", ""] {
            assert_eq!(utc(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_cut_or_changed_never_panics() {
        let good = signed(&["alice"], vec![dns("panel.local")]);
        for length in 0..good.len() {
            assert_eq!(validity(&good[..length]), None);
        }
        for place in 0..good.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = good.clone();
                changed[place] ^= change;
                let _ = (validity(&changed), name(&changed));
            }
        }
    }
}
