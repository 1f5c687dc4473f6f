//! What is new about the users, by their names.

use std::fmt;

use super::Users;
use crate::domain::UserName;

/// How users differ from those before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    added: Vec<UserName>,
    /// In their rights, their secrets or their expiry.
    changed: Vec<UserName>,
    removed: Vec<UserName>,
}

/// So many names are told; there may be thousands.
const TOLD: usize = 20;

impl Changes {
    /// How `after` differs from `before`.
    pub fn between(before: &Users, after: &Users) -> Changes {
        let mut changes = Changes::default();
        for user in after.all() {
            match before.find(user.name.as_str()) {
                None => changes.added.push(user.name.clone()),
                Some(known) if known != user => changes.changed.push(user.name.clone()),
                Some(_) => {}
            }
        }
        let gone = before.all().iter().filter(|user| after.find(user.name.as_str()).is_none());
        changes.removed = gone.map(|user| user.name.clone()).collect();
        changes
    }
}

/// As arguments of an action: `, added=anna bert, removed=carl`; nothing where nothing is new.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes { added, changed, removed } = self;
        for (what, names) in [("added", added), ("changed", changed), ("removed", removed)] {
            if names.is_empty() {
                continue;
            }
            let told: Vec<&str> = names.iter().take(TOLD).map(UserName::as_str).collect();
            write!(f, ", {what}={}", told.join(" "))?;
            match names.len().saturating_sub(TOLD) {
                0 => {}
                more => write!(f, " and {more} more")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(text: &str) -> Users {
        Users::parse(&format!(r#"{{"version": 1, "users": {{{text}}}}}"#)).expect("good")
    }

    #[test]
    fn changes_are_told_by_name() {
        let before = users(r#""a": {"role": "viewer"}, "b": {"role": "viewer"}, "c": {"role": "viewer"}"#);
        let after = users(r#""a": {"role": "viewer"}, "c": {"role": "admin"}, "d": {"role": "viewer"}"#);
        let changes = |before: &Users, after: &Users| Changes::between(before, after).to_string();
        assert_eq!(changes(&before, &after), ", added=d, changed=c, removed=b");
        assert_eq!(changes(&before, &before.clone()), "");
        let many: Vec<String> =
            (0..25).map(|number| format!(r#""u{number}": {{"role": "viewer"}}"#)).collect();
        let many = changes(&Users::default(), &users(&many.join(", ")));
        assert!(many.starts_with(", added=u0 u1 ") && many.ends_with(" u19 and 5 more"), "{many}");
    }
}
