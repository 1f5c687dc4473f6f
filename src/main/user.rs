//! `gpio-gatekeeper user`: adds, changes, lists and removes users.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use gpio_gatekeeper::auth::{
    LONGEST_PASSWORD, PasswordDigest, SHORTEST_PASSWORD, Scratch, Token, TokenDigest, User, Users, UsersFile,
    date_of, parse_expiry,
};
use gpio_gatekeeper::domain::{Account, CertificateName, DevicePattern, Role, TopicPattern, UserName};
use lexopt::prelude::*;

use super::password::{self, Source};
use super::{fail, print, users_of};

/// What is to be done, and in which file.
pub(crate) struct Order {
    deed: Deed,
    place: Place,
}

/// Where the users are.
enum Place {
    Users(PathBuf),
    /// A configuration says so.
    Config(PathBuf),
}

enum Deed {
    Add { name: UserName, account: Account, expires: Option<u64>, password: Source },
    Password { name: UserName, password: Source },
    Remove(UserName),
    List(Form),
    Token { name: UserName, expires: Option<u64>, what: Tokens },
    Certificate { name: UserName, certificate: CertificateName, what: Certificates },
}

/// How users are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
}

/// What becomes of a user's tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    /// There is one more.
    Add,
    /// There are none.
    Revoke,
}

/// What becomes of a name in a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certificates {
    /// Whoever shows it is the user.
    Add,
    /// It is the user's no more.
    Remove,
}

/// The options of all deeds, as they were given.
#[derive(Default)]
struct Options {
    place: Option<Place>,
    role: Option<Role>,
    devices: Option<Vec<DevicePattern>>,
    topics: Option<Vec<TopicPattern>>,
    expires: Option<u64>,
    password: Option<Source>,
    json: Option<Form>,
    revoke: Option<Tokens>,
    certificate: Option<CertificateName>,
    remove: Option<Certificates>,
}

/// Reads what follows the word `user`.
pub(crate) fn arguments(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
    let Some(Value(deed)) = parser.next()? else {
        return Err("user needs add, passwd, remove, list, token or certificate".into());
    };
    let deed = deed.string()?;
    let allowed: &[&str] = match deed.as_str() {
        "add" => &["role", "devices", "topics", "expires", "password-stdin", "no-password"],
        "passwd" => &["password-stdin"],
        "remove" => &[],
        "list" => &["json"],
        "token" => &["expires", "revoke"],
        "certificate" => &["remove"],
        _ => {
            let message =
                format!("user has no {deed:?}: there are add, passwd, remove, list, token and certificate");
            return Err(message.into());
        }
    };
    let (mut name, mut options) = (None, Options::default());
    while let Some(argument) = parser.next()? {
        match argument {
            Value(text) if name.is_none() && deed != "list" => {
                name = Some(UserName::parse(&text.string()?).map_err(|error| error.to_string())?);
            }
            Value(text) if options.certificate.is_none() && deed == "certificate" => {
                let name = CertificateName::parse(&text.string()?).map_err(|error| error.to_string())?;
                options.certificate = Some(name);
            }
            Long("users") => options.place = Some(Place::Users(parser.value()?.into())),
            Long("config") => options.place = Some(Place::Config(parser.value()?.into())),
            Long(option) if allowed.contains(&option) => {
                let option = option.to_owned();
                options.take(&option, parser)?;
            }
            argument => return Err(argument.unexpected()),
        }
    }
    options.order(&deed, name)
}

impl Options {
    fn take(&mut self, option: &str, parser: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        match option {
            "role" => {
                let role = parser.value()?.string()?;
                let known = Role::parse(&role);
                self.role = Some(known.ok_or(format!("{role:?} is none of viewer, operator and admin"))?);
            }
            "devices" => self.devices = Some(list(parser, DevicePattern::parse)?),
            "topics" => self.topics = Some(list(parser, TopicPattern::parse)?),
            "expires" => self.expires = Some(parse_expiry(&parser.value()?.string()?, now())?),
            "password-stdin" => self.password = Some(Source::StandardInput),
            "no-password" => self.password = Some(Source::None),
            "json" => self.json = Some(Form::Json),
            "remove" => self.remove = Some(Certificates::Remove),
            _ => self.revoke = Some(Tokens::Revoke),
        }
        Ok(())
    }

    fn order(self, deed: &str, name: Option<UserName>) -> Result<Order, lexopt::Error> {
        let named = || name.clone().ok_or_else(|| lexopt::Error::from(format!("user {deed} needs a name")));
        let password = self.password.unwrap_or(Source::Terminal);
        let deed = match deed {
            "add" => {
                let role = self.role.unwrap_or(Role::Operator);
                if role == Role::Admin && (self.devices.is_some() || self.topics.is_some()) {
                    return Err("an admin may do everything: leave out --devices and --topics".into());
                }
                let (devices, topics) = Account::unrestricted();
                let account = Account {
                    user: Some(named()?),
                    role,
                    devices: self.devices.unwrap_or(devices),
                    topics: self.topics.unwrap_or(topics),
                };
                Deed::Add { name: named()?, account, expires: self.expires, password }
            }
            "passwd" => Deed::Password { name: named()?, password },
            "remove" => Deed::Remove(named()?),
            "list" => Deed::List(self.json.unwrap_or(Form::Table)),
            "certificate" => {
                let name = named()?;
                let certificate =
                    self.certificate.ok_or("user certificate needs the name in the certificate")?;
                Deed::Certificate { name, certificate, what: self.remove.unwrap_or(Certificates::Add) }
            }
            _ => {
                let what = self.revoke.unwrap_or(Tokens::Add);
                Deed::Token { name: named()?, expires: self.expires, what }
            }
        };
        let place = self.place.ok_or("where are the users? give --users FILE or --config FILE")?;
        Ok(Order { deed, place })
    }
}

/// What a comma-separated list is made of; nothing in it is an empty list.
fn list<T, E: ToString>(
    parser: &mut lexopt::Parser,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, lexopt::Error> {
    let text = parser.value()?.string()?;
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| parse(part).map_err(|error| format!("{part:?}: {}", error.to_string()).into())).collect()
}

/// Does it.
pub(crate) fn run(order: Order) -> ExitCode {
    match carry_out(order) {
        Ok(text) => print(&text),
        Err(error) => fail(&error),
    }
}

fn carry_out(order: Order) -> Result<String, String> {
    let file = UsersFile::at(match order.place {
        Place::Users(file) => file,
        Place::Config(file) => users_of(&file)?,
    });
    let changed =
        |result: Result<String, gpio_gatekeeper::auth::UsersError>| result.map_err(|e| e.to_string());
    match order.deed {
        Deed::Add { name, account, expires, password } => {
            let password = digest(password, &name)?;
            changed(file.change(|users| {
                if users.find(name.as_str()).is_some() {
                    return Err(format!(
                        "there is a user {name} already; `user passwd` gives another password"
                    ));
                }
                let text = format!("{name} is there now, as {}", account.role);
                let account = account.into();
                let (tokens, certificates) = (Vec::new(), Vec::new());
                users.add(User { name, account, password, expires, tokens, certificates });
                Ok(text)
            }))
        }
        Deed::Password { name, password } => {
            // Before anybody is asked for a password.
            let known = file.read().map_err(|error| error.to_string())?;
            known.find(name.as_str()).ok_or_else(|| unknown(&name))?;
            let password = digest(password, &name)?;
            changed(file.change(|users| {
                users.find_mut(name.as_str()).ok_or_else(|| unknown(&name))?.password = password;
                Ok(format!("{name} has another password now"))
            }))
        }
        Deed::Remove(name) => changed(file.change(|users| match users.remove(name.as_str()) {
            true => Ok(format!("{name} is gone")),
            false => Err(unknown(&name)),
        })),
        Deed::List(form) => {
            let users = file.read().map_err(|error| error.to_string())?;
            Ok(if form == Form::Json { json(&users) } else { table(&users) })
        }
        Deed::Token { name, expires: _, what: Tokens::Revoke } => changed(file.change(|users| {
            let user = users.find_mut(name.as_str()).ok_or_else(|| unknown(&name))?;
            let revoked = std::mem::take(&mut user.tokens).len();
            Ok(format!("{name} had {revoked} tokens and has none now"))
        })),
        Deed::Token { name, expires, what: Tokens::Add } => {
            let token = Token::random().map_err(|error| format!("no random bytes: {error}"))?;
            changed(file.change(|users| {
                let user = users.find_mut(name.as_str()).ok_or_else(|| unknown(&name))?;
                user.tokens.push((TokenDigest::of(token.reveal().as_bytes()), expires));
                // Alone on its line, so that a script can take it.
                Ok(token.reveal().to_owned())
            }))
        }
        Deed::Certificate { name, certificate, what: Certificates::Add } => changed(file.change(|users| {
            if let Some(owner) = users.of_certificate(certificate.as_str()) {
                let owner = &owner.name;
                return Err(format!(
                    "{certificate:?} is one of {owner}'s already; `user certificate {owner} ... --remove` takes it away"
                ));
            }
            let user = users.find_mut(name.as_str()).ok_or_else(|| unknown(&name))?;
            let text = format!("who shows a certificate of {certificate:?} is {name} now");
            user.certificates.push(certificate);
            Ok(text)
        })),
        Deed::Certificate { name, certificate, what: Certificates::Remove } => changed(file.change(|users| {
            let user = users.find_mut(name.as_str()).ok_or_else(|| unknown(&name))?;
            let before = user.certificates.len();
            user.certificates.retain(|known| *known != certificate);
            if user.certificates.len() == before {
                return Err(format!("{certificate:?} is none of {name}'s; `user list` tells which are"));
            }
            Ok(format!("{certificate:?} is {name}'s no more"))
        })),
    }
}

fn unknown(name: &UserName) -> String {
    format!("there is no user {name}; `user list` tells who there is")
}

fn digest(source: Source, name: &UserName) -> Result<Option<PasswordDigest>, String> {
    let Some(password) = password::ask(source, name.as_str())? else { return Ok(None) };
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&password.len()) {
        return Err(format!("a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} bytes"));
    }
    PasswordDigest::of(password.as_bytes(), &mut Scratch::default()).map(Some).map_err(|e| e.to_string())
}

fn table(users: &Users) -> String {
    let mut rows = vec![["NAME", "ROLE", "SIGNS IN BY", "UNTIL", "DEVICES", "TOPICS"].map(str::to_owned)];
    for user in users.all() {
        let Account { role, devices, topics, .. } = &*user.account;
        let (devices, topics) = match role {
            Role::Admin => ("*".to_owned(), "#".to_owned()),
            _ => (
                devices.iter().map(DevicePattern::as_str).collect::<Vec<_>>().join(","),
                topics.iter().map(TopicPattern::as_str).collect::<Vec<_>>().join(","),
            ),
        };
        let password = user.password.as_ref().map(|_| "password".to_owned());
        let tokens = Some(user.tokens.len()).filter(|tokens| *tokens > 0);
        let certificates = user.certificates.iter().map(|name| format!("certificate {name:?}"));
        let proofs: Vec<String> = password
            .into_iter()
            .chain(tokens.map(|tokens| format!("{tokens} tokens")))
            .chain(certificates)
            .collect();
        let proofs = if proofs.is_empty() { "nothing".to_owned() } else { proofs.join(", ") };
        let until = user.expires.map_or("-".to_owned(), date_of);
        let nothing = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        rows.push([
            user.name.to_string(),
            role.to_string(),
            proofs,
            until,
            nothing(devices),
            nothing(topics),
        ]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 6]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn json(users: &Users) -> String {
    let all = users.all().iter().map(|user| {
        let Account { role, devices, topics, .. } = &*user.account;
        serde_json::json!({
            "name": user.name.as_str(),
            "role": role.as_str(),
            "password": user.password.is_some(),
            "tokens": user.tokens.len(),
            "certificates": user.certificates.iter().map(CertificateName::as_str).collect::<Vec<_>>(),
            "expires": user.expires,
            "devices": devices.iter().map(DevicePattern::as_str).collect::<Vec<_>>(),
            "topics": topics.iter().map(TopicPattern::as_str).collect::<Vec<_>>(),
        })
    });
    serde_json::Value::Array(all.collect()).to_string()
}

/// Seconds since 1970-01-01T00:00:00Z.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
