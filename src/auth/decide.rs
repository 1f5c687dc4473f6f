//! The decision what somebody may do.  Every part of the gatekeeper asks here, and nowhere else.

use crate::domain::{Account, Code, Principal, Refusal, Role};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// To see the state of this device.
    See(&'a str),
    /// To drive this device.
    Drive(&'a str),
    /// To read this topic, which is the clients' own.
    Read(&'a str),
    /// To publish to this topic, which is the clients' own.
    Publish(&'a str),
    /// To be told of topics of this filter, without a group, which are the clients' own.
    Follow(&'a str),
    /// To send a message to another client.
    Talk,
    /// To read the audit and the log.
    Watch,
}

/// Whether somebody may.
pub fn may(principal: &Principal, wish: Wish<'_>) -> bool {
    obstacle(principal, wish).is_none()
}

/// Whether somebody may, or why not.
pub fn decide(principal: &Principal, wish: Wish<'_>) -> Result<(), Refusal> {
    let Some(obstacle) = obstacle(principal, wish) else { return Ok(()) };
    let who = name(&principal.account);
    let message = match (obstacle, wish) {
        (Obstacle::Role, Wish::Watch) => {
            format!("{who} is no admin, and only an admin reads the audit and the log")
        }
        (Obstacle::Role, _) => format!("{who} is a viewer, and a viewer only reads"),
        (Obstacle::Pattern, Wish::See(device) | Wish::Drive(device)) => {
            format!("device {device:.64} is not one of those of {who}")
        }
        (Obstacle::Pattern, Wish::Read(topic) | Wish::Publish(topic) | Wish::Follow(topic)) => {
            format!("topic {topic:.256} is not one of those of {who}")
        }
        (Obstacle::Pattern, Wish::Talk | Wish::Watch) => format!("{who} may not do this"),
    };
    Err(Refusal::new(Code::AccessDenied, message))
}

/// How somebody is called.
pub fn name(account: &Account) -> String {
    account.user.as_ref().map_or("who has not signed in".to_owned(), |user| format!("user {user}"))
}

enum Obstacle {
    /// The role is too small.
    Role,
    /// No pattern names it.
    Pattern,
}

fn obstacle(principal: &Principal, wish: Wish<'_>) -> Option<Obstacle> {
    let (account, client) = (&*principal.account, principal.client.as_str());
    if account.role == Role::Admin {
        return None;
    }
    let needed = match wish {
        Wish::See(_) | Wish::Read(_) | Wish::Follow(_) => Role::Viewer,
        Wish::Drive(_) | Wish::Publish(_) | Wish::Talk => Role::Operator,
        Wish::Watch => Role::Admin,
    };
    if account.role < needed {
        return Some(Obstacle::Role);
    }
    let theirs = match wish {
        Wish::See(device) | Wish::Drive(device) => account.has_device(device, client),
        Wish::Read(topic) | Wish::Publish(topic) => account.has_topic(topic, client),
        Wish::Follow(filter) => account.has_topic_of(filter, client),
        Wish::Talk | Wish::Watch => true,
    };
    (!theirs).then_some(Obstacle::Pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientId, DevicePattern, Protocol, TopicPattern, UserName};

    fn principal(role: Role) -> Principal {
        let account = Account {
            user: UserName::parse("anna").ok(),
            role,
            devices: vec![DevicePattern::parse("lamp").expect("valid")],
            topics: vec![TopicPattern::parse("%u/#").expect("valid")],
        };
        let client = ClientId::parse("c").expect("valid");
        let address = ([127, 0, 0, 1], 1).into();
        Principal {
            client,
            address,
            protocol: Protocol::Line,
            certificate_name: None,
            account: account.into(),
        }
    }

    #[test]
    fn roles_and_patterns_decide() {
        use Role::{Admin, Operator, Viewer};
        for (wish, roles) in [
            (Wish::See("lamp"), &[Viewer, Operator, Admin][..]),
            (Wish::See("motor"), &[Admin]),
            (Wish::Drive("lamp"), &[Operator, Admin]),
            (Wish::Drive("motor"), &[Admin]),
            (Wish::Read("anna/x"), &[Viewer, Operator, Admin]),
            (Wish::Read("bert/x"), &[Admin]),
            (Wish::Publish("anna/x"), &[Operator, Admin]),
            (Wish::Publish("bert/x"), &[Admin]),
            (Wish::Follow("+/x"), &[Viewer, Operator, Admin]),
            (Wish::Follow("bert/#"), &[Admin]),
            (Wish::Talk, &[Operator, Admin]),
            (Wish::Watch, &[Admin]),
        ] {
            let allowed: Vec<Role> =
                Role::ALL.into_iter().filter(|role| may(&principal(*role), wish)).collect();
            assert_eq!(allowed, roles, "{wish:?}");
        }
    }

    #[test]
    fn a_refusal_says_who_and_why() {
        for (role, wish, words) in [
            (Role::Viewer, Wish::Drive("lamp"), "user anna is a viewer, and a viewer only reads"),
            (Role::Operator, Wish::Drive("motor"), "device motor is not one of those of user anna"),
            (Role::Operator, Wish::Publish("x"), "topic x is not one of those of user anna"),
            (
                Role::Operator,
                Wish::Watch,
                "user anna is no admin, and only an admin reads the audit and the log",
            ),
        ] {
            let refusal = decide(&principal(role), wish).expect_err("refused");
            assert_eq!((refusal.code, &*refusal.message), (Code::AccessDenied, words));
        }
    }
}
