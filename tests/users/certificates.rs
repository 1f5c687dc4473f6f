//! Clients' certificates that are users': who shows one has signed in.

use gpio_gatekeeper::wire::mqtt::{Connack, Connect, Packet, ReasonCode, Version};
use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::support::DEMO_DEVICES;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::program::Program;
use super::support::tls::{Authority, Secured, Signed};
use super::support::websocket::{WebSocketClient, request};
use super::{House, TOKEN, credentials, residents, write_users};

/// A house whose doors ask for certificates of an authority.
struct Guarded {
    house: House,
    authority: Authority,
}

impl Guarded {
    /// Certificates are `required` or `optional`, with these sections besides.
    fn new(asked: &str, sections: &str) -> Guarded {
        let authority = Authority::new();
        let house = House::with(&format!("{}{sections}", authority.sections_with_clients(asked)));
        Guarded { house, authority }
    }

    fn signed(&self, name: &str) -> Signed {
        self.authority.client(Some(name), "urn:x")
    }

    /// A client of the line protocol that has shown the certificate of this name.
    fn line(&self, name: &str) -> LineClient {
        over(
            self.authority
                .connect_as(self.house.gatekeeper.line_tls(), &self.signed(name))
                .expect("a handshake"),
        )
    }

    /// What a CONNECT is answered over MQTT with the certificate of this name.
    fn mqtt(&self, name: &str, connect: Connect) -> (MqttClient, Connack) {
        let address = self.house.gatekeeper.mqtt_tls();
        let secured = self.authority.connect_as(address, &self.signed(name)).expect("a handshake");
        MqttClient::over(secured, connect.version).introduce(connect)
    }

    /// The same for web pages.
    fn page(&self, name: &str, connect: Connect) -> (WebSocketClient<Secured>, ReasonCode) {
        let address = self.house.gatekeeper.http_tls();
        let secured = self.authority.connect_as(address, &self.signed(name)).expect("a handshake");
        let mut page = WebSocketClient::open_over(secured, request(address)).expect("a WebSocket");
        page.send(&[Packet::Connect(Box::new(connect))]);
        match page.receive() {
            Packet::Connack(connack) => (page, connack.reason),
            other => panic!("no CONNACK: {other:?}"),
        }
    }
}

fn over(secured: Secured) -> LineClient {
    LineClient::over(secured.sock.try_clone().expect("a second handle"), secured)
}

/// A CONNECT with a user name and nothing else.
fn named(client_id: &str, user: &str) -> Connect {
    Connect { username: Some(user.to_owned()), ..connect(client_id) }
}

#[test]
fn who_shows_a_certificate_is_its_user_from_the_first_frame_on() {
    let guarded = Guarded::new("required", "");
    let mut anna = guarded.line("anna.home");
    anna.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    anna.expect("COMMAND=SET|DEVICE=motor|VALUE=1", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=STATUS", "USER=anna|ROLE=operator");
    anna.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "CODE=NOT_SUPPORTED");
    let mut vera = guarded.line("vera.home");
    vera.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "CODE=ACCESS_DENIED");
    vera.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=1");
    // All at once, and then no more.
    let mut hasty = guarded.line("anna.home");
    hasty.raw(b"|START|COMMAND=SET|DEVICE=led|VALUE=OFF|END||START|COMMAND=QUIT|ID=last|END|");
    assert!(hasty.receive().starts_with("REPLY=OK|DEVICE=led|KIND=led|VALUE=0|"));
    assert_eq!((hasty.receive(), hasty.next()), ("REPLY=OK|ID=last".to_owned(), None));
}

#[test]
fn a_connect_with_a_certificate_needs_no_credentials() {
    let guarded = Guarded::new("required", "");
    let older = Connect { version: Version::V3, ..connect("older") };
    for connect in [connect("a"), named("b", "anna"), credentials("c", "anna", "password"), older] {
        let (mut anna, connack) = guarded.mqtt("anna.home", connect);
        assert_eq!(connack.reason, ReasonCode::Success);
        anna.subscribe("home/bert/#");
        anna.send(&Packet::Pingreq);
    }
    let (mut anna, _) = guarded.mqtt("anna.home", connect("panel"));
    assert_eq!(anna.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::Success);
    assert_eq!(anna.publish(publish("pi/devices/motor/set", "1")).reason, ReasonCode::NotAuthorized);
    assert_eq!(anna.subscribe("pi/nodes/panel/user"), ReasonCode::Success);
    assert_eq!(anna.message_on("pi/nodes/panel/user"), "anna");
    let (mut page, reason) = guarded.page("anna.home", connect("page"));
    assert_eq!(reason, ReasonCode::Success);
    page.subscribe("pi/nodes/page/user");
    assert_eq!(page.message().1, "anna");
    assert_eq!(guarded.page("anna.home", named("page", "bert")).1, ReasonCode::NotAuthorized);
}

#[test]
fn a_name_that_is_no_users_is_as_good_as_none() {
    let guarded = Guarded::new("required", "");
    for name in ["stranger", "Anna.home", "anna.home.", "*", ""] {
        let mut stranger = guarded.line(name);
        stranger.expect("COMMAND=LIST", "CODE=ACCESS_DENIED");
        stranger.expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "REPLY=OK|USER=bert");
        stranger.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
        assert_eq!(guarded.mqtt(name, connect("c")).1.reason, ReasonCode::NotAuthorized, "{name}");
        assert_eq!(
            guarded.mqtt(name, named("c", "anna")).1.reason,
            ReasonCode::BadUserNameOrPassword,
            "{name}"
        );
        let (_bert, connack) = guarded.mqtt(name, credentials("c", "bert", "password"));
        assert_eq!(connack.reason, ReasonCode::Success, "{name}");
    }
}

#[test]
fn where_certificates_are_optional_credentials_do_as_well() {
    let guarded = Guarded::new("optional", "");
    let plain = || guarded.authority.connect(guarded.house.gatekeeper.line_tls());
    over(plain()).expect("COMMAND=LIST", "CODE=ACCESS_DENIED");
    over(plain()).expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "REPLY=OK|USER=bert");
    over(plain()).expect(&format!("COMMAND=AUTH|TOKEN={TOKEN}"), "REPLY=OK|USER=esp");
    guarded.line("anna.home").expect("COMMAND=STATUS", "USER=anna");
    // Elsewhere no certificate is asked for, and nobody is its user.
    guarded.house.line().expect("COMMAND=LIST", "CODE=ACCESS_DENIED");
}

#[test]
fn who_may_come_without_signing_in_may_do_so_with_a_certificate_of_nobody() {
    let guarded = Guarded::new("required", r#""anonymous": "viewer","#);
    for name in ["stranger", "gone.home"] {
        let mut stranger = guarded.line(name);
        stranger.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
        stranger.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=ACCESS_DENIED");
        stranger.expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "REPLY=OK|USER=bert");
        let (mut panel, connack) = guarded.mqtt(name, connect("panel"));
        assert_eq!(connack.reason, ReasonCode::Success);
        assert_eq!(panel.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::NotAuthorized);
        assert_eq!(guarded.mqtt(name, named("c", "gone")).1.reason, ReasonCode::BadUserNameOrPassword);
    }
    guarded.line("anna.home").expect("COMMAND=STATUS", "USER=anna|ROLE=operator");
}

#[test]
fn the_user_of_a_certificate_who_has_expired_is_told_so() {
    let guarded = Guarded::new("optional", "");
    let mut gone = guarded.line("gone.home");
    let refused = gone.ask("COMMAND=LIST");
    assert!(refused.contains("the user of the certificate has expired"), "{refused}");
    gone.expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "REPLY=OK|USER=bert");
    let (_gone, connack) = guarded.mqtt("gone.home", connect("c"));
    assert_eq!(connack.reason, ReasonCode::NotAuthorized);
    assert!(format!("{:?}", connack.properties).contains("the user of the certificate has expired"));
}

#[test]
fn credentials_of_another_user_contradict_the_certificate() {
    let guarded = Guarded::new("optional", "");
    let mut root = guarded.house.mqtt_as("root", "watcher");
    root.subscribe("pi/logs/audit");
    let mut audited = |action: &str, client: &str, certificate: &str, user: &str| {
        let audit = loop {
            let audit: Json = serde_json::from_str(&root.message_on("pi/logs/audit")).expect("JSON");
            if audit["message"].as_str().is_some_and(|why| why.contains("another user's")) {
                break audit;
            }
        };
        assert_eq!((&audit["action"], &audit["code"]), (&action.into(), &"ACCESS_DENIED".into()), "{audit}");
        assert_eq!((&audit["certificate"], &audit["user"]), (&certificate.into(), &user.into()), "{audit}");
        assert_eq!(audit["client"], client, "{audit}");
    };
    let token = Connect { password: Some(TOKEN.into()), ..connect("device") };
    for (connect, how, wanted) in [
        (named("device", "bert"), "certificate", "bert"),
        (credentials("device", "bert", "password"), "password", "bert"),
        (token, "token", "esp"),
    ] {
        assert_eq!(guarded.mqtt("anna.home", connect).1.reason, ReasonCode::NotAuthorized);
        audited(&format!("sign_in({how})"), "device", "anna.home", wanted);
    }
    // Who only guesses is not told more than without a certificate.
    let (_guess, connack) = guarded.mqtt("anna.home", credentials("device", "bert", "guess"));
    assert_eq!(connack.reason, ReasonCode::BadUserNameOrPassword);
    // Over the line protocol a certificate may become a user's after the connection has begun.
    let mut early = guarded.line("new.home");
    early.expect("COMMAND=HELLO|CLIENT=early", "REPLY=OK");
    guarded.house.reload(&residents().replace("anna.home", "new.home"));
    guarded.line("new.home").expect("COMMAND=STATUS", "USER=anna");
    early.expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "CODE=ACCESS_DENIED");
    audited("sign_in(password)", "early", "new.home", "bert");
    early.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK|USER=anna");
}

#[test]
fn who_signs_in_by_a_certificate_stands_in_the_audit_whichever_protocol_it_speaks() {
    let guarded = Guarded::new("required", "");
    let mut root = guarded.house.mqtt_as("root", "watcher");
    root.subscribe("pi/logs/audit");
    let mut told = |protocol: &str| {
        for action in ["sign_in(certificate)", "sign_out(connection ended)"] {
            let audit: Json = serde_json::from_str(&root.message_on("pi/logs/audit")).expect("JSON");
            let [user, by, how] = ["user", "protocol", "action"].map(|name| audit[name].as_str());
            assert_eq!((user, by, how), (Some("vera"), Some(protocol), Some(action)), "{audit}");
            assert_eq!(
                (&audit["certificate"], &audit["code"]),
                (&"vera.home".into(), &Json::Null),
                "{audit}"
            );
        }
    };
    guarded.line("vera.home").expect("COMMAND=STATUS", "USER=vera");
    told("line");
    drop(guarded.mqtt("vera.home", connect("panel")));
    told("mqtt");
    drop(guarded.page("vera.home", connect("page")));
    told("websocket");
}

#[test]
fn a_certificate_that_is_taken_away_ends_the_connections_of_its_user() {
    let guarded = Guarded::new("optional", "");
    let (mut esp, mut vera) = (guarded.line("esp.home"), guarded.line("vera.home"));
    let (mut device, _) = guarded.mqtt("esp.home", connect("device"));
    let (mut page, _) = guarded.page("esp.home", connect("page"));
    esp.expect("COMMAND=STATUS", "USER=esp");
    vera.expect("COMMAND=STATUS", "USER=vera");
    guarded.house.reload(&residents().replace(r#", "certificates": ["esp.home"]"#, ""));
    assert!(esp.receive().starts_with("EVENT=CLOSING|CODE=ACCESS_DENIED|"));
    assert_eq!(esp.next(), None);
    for told in [device.receive(), page.receive()] {
        assert!(matches!(told, Packet::Disconnect(it) if it.reason == ReasonCode::NotAuthorized));
    }
    vera.expect("COMMAND=STATUS", "USER=vera");
    guarded.line("esp.home").expect("COMMAND=LIST", "CODE=ACCESS_DENIED");
    // One that is added disturbs nobody, and counts at once.
    guarded.house.reload(
        &residents()
            .replace(r#"["esp.home"]"#, r#"["other.home"]"#)
            .replace(r#"["vera.home"]"#, r#"["vera.home", "esp.home"]"#),
    );
    guarded.line("esp.home").expect("COMMAND=STATUS", "USER=vera");
    vera.expect("COMMAND=STATUS", "USER=vera");
}

#[test]
fn a_lease_stays_with_the_user_of_a_certificate_over_a_reconnect() {
    let guarded = Guarded::new("required", "");
    let begin = |name: &str| {
        let mut client = guarded.line(name);
        client.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
        client
    };
    let mut anna = begin("anna.home");
    let lease = anna.ask("COMMAND=LEASE|DEVICE=led|TTL=1min");
    let token = LineClient::field(&lease, "TOKEN").expect("a token");
    drop(anna);
    let mut other = guarded.line("esp.home");
    other.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    let mut anna = begin("anna.home");
    anna.expect(&format!("COMMAND=RENEW|TOKEN={token}"), "REPLY=OK");
    anna.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
}

#[test]
fn the_log_says_whose_certificate_signs_nobody_in_and_sighup_takes_one_away() {
    let authority = Authority::new();
    let users = authority.file("users.json");
    write_users(&users, &residents());
    let sections = format!("{}\"users\": {users:?},", authority.sections_with_clients("required"));
    let mut program = Program::start(&format!(
        "{{ {sections} \"hardware\": {{\"backend\": \"simulated\"}}, \"devices\": {{ {DEMO_DEVICES} }} }}"
    ));
    let row = program.greeting.iter().find_map(|row| row.trim_start().strip_prefix("line+tls"));
    let address = row.and_then(|address| address.trim().parse().ok()).expect("an address");
    let line = |name: &str| {
        over(authority.connect_as(address, &authority.client(Some(name), "urn:x")).expect("a handshake"))
    };
    for (name, why) in [
        ("stranger", "the certificate of \"stranger\" signs nobody in: the certificate is no user's"),
        (
            "gone.home",
            "the certificate of \"gone.home\" signs nobody in: the user of the certificate has expired",
        ),
    ] {
        line(name).expect("COMMAND=LIST", "CODE=ACCESS_DENIED");
        program.process.error_with(why);
    }
    let mut esp = line("esp.home");
    esp.expect("COMMAND=STATUS", "USER=esp|ROLE=operator");
    write_users(&users, &residents().replace("esp.home", "other.home"));
    program.process.signal(Signal::SIGHUP);
    esp.event("EVENT=CLOSING|CODE=ACCESS_DENIED|");
    line("other.home").expect("COMMAND=STATUS", "USER=esp|ROLE=operator");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}
