//! Users: the program that keeps them, and a daemon that knows them.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod auditing;
mod certificates;
mod deciding;
mod expiring;
mod explaining;
mod keeping;
mod reloading;
mod secrets;
mod signing_in;
#[path = "../support/mod.rs"]
mod support;

use gpio_gatekeeper::wire::mqtt::{Connack, Connect};
use support::line::LineClient;
use support::mqtt::{MqttClient, connect};
pub use support::users::{DIGEST, PHC, TOKEN, write_users};
use support::{DEMO_DEVICES, Gatekeeper};
use tempfile::TempDir;

/// A daemon with an admin `root`, an operator `anna` with some devices and topics, an operator `bert` with all of
/// them, a viewer `vera`, and `esp` who has the token; the others' password is `password`.  Those but `root` and `bert`
/// have a certificate as well, such as `anna.home`.
pub struct House {
    /// The daemon.
    pub gatekeeper: Gatekeeper,
    /// Where its users are.
    pub folder: TempDir,
}

/// The users of the house as they stand in their file.
pub fn residents() -> String {
    format!(
        r#""root": {{"role": "admin", "password": "{PHC}"}},
        "anna": {{"role": "operator", "password": "{PHC}", "devices": ["l*"], "topics": ["home/%u/#", "pi/vars/%c"],
            "certificates": ["anna.home"]}},
        "bert": {{"role": "operator", "password": "{PHC}"}},
        "vera": {{"role": "viewer", "password": "{PHC}", "certificates": ["vera.home"]}},
        "gone": {{"role": "admin", "password": "{PHC}", "expires": 1, "certificates": ["gone.home"]}},
        "esp": {{"role": "operator", "tokens": [{{"sha256": "{DIGEST}"}}], "certificates": ["esp.home"]}}"#
    )
}

impl House {
    /// With nothing else in its configuration.
    pub fn plain() -> House {
        House::with("")
    }

    /// With these sections, each followed by a comma.
    pub fn with(sections: &str) -> House {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_users(&folder.path().join("users.json"), &residents());
        House { gatekeeper: House::in_folder(&folder, sections), folder }
    }

    /// A daemon with the users of this folder.
    pub fn in_folder(folder: &TempDir, sections: &str) -> Gatekeeper {
        let users = folder.path().join("users.json");
        Gatekeeper::with(&format!(r#""users": "{}", {sections}"#, users.display()), DEMO_DEVICES)
    }

    /// A client of the line protocol that has said nothing.
    pub fn line(&self) -> LineClient {
        LineClient::connect(self.gatekeeper.line())
    }

    /// One that has signed in.
    pub fn line_as(&self, user: &str) -> LineClient {
        let mut client = LineClient::patient(self.gatekeeper.line());
        client.expect(&format!("COMMAND=AUTH|USER={user}|PASSWORD=password"), "REPLY=OK");
        client
    }

    /// An MQTT client with this identifier that has signed in.
    pub fn mqtt_as(&self, user: &str, client_id: &str) -> MqttClient {
        let (client, connack) = self.connect(credentials(client_id, user, "password"));
        assert!(!connack.reason.is_error(), "{}", connack.reason);
        client
    }

    /// Connects with MQTT.
    pub fn connect(&self, connect: Connect) -> (MqttClient, Connack) {
        MqttClient::connect_with(self.gatekeeper.mqtt(), connect)
    }
}

/// A CONNECT with a user name and a password.
pub fn credentials(client_id: &str, user: &str, secret: &str) -> Connect {
    Connect { username: Some(user.to_owned()), password: Some(secret.into()), ..connect(client_id) }
}
