//! Who gets in, over both protocols, and who does not.

use std::sync::mpsc::channel;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, ReasonCode, Version};

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::websocket::{WebSocketClient, request};
use super::{House, TOKEN, credentials};

#[test]
fn nothing_is_done_for_who_has_not_signed_in() {
    let house = House::plain();
    let mut client = house.line();
    for command in [
        "LIST",
        "DESCRIBE|DEVICE=led",
        "GET|DEVICE=led",
        "SET|DEVICE=led|VALUE=ON",
        "DO|DEVICE=led|ACTION=on",
        "SUB|DEVICE=*",
        "UNSUB|DEVICE=*",
        "PUB|VAR=a|VALUE=1",
        "SEND|TO=a|VALUE=1",
        "LEASE|DEVICE=led",
        "STATUS",
        "BREAK|DEVICE=led",
        "RENEW|DEVICE=led",
        "RELEASE|DEVICE=led",
    ] {
        client.expect(&format!("COMMAND={command}"), "REPLY=ERROR|CODE=ACCESS_DENIED");
    }
    for command in ["HELP", "HELLO|CLIENT=me", "HELLO!"] {
        client.expect(&format!("COMMAND={command}"), "REPLY=OK");
    }
    client.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK|USER=anna|ROLE=operator");
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    client.expect("COMMAND=STATUS", "USER=anna|ROLE=operator");
    client.expect("COMMAND=SEND|TO=me|VALUE=1", "REPLY=OK");
}

#[test]
fn credentials_over_the_line_are_right_or_refused() {
    let house = House::plain();
    for (fields, wanted) in [
        ("", "CODE=MISSING_KEY"),
        ("|USER=anna", "CODE=MISSING_KEY"),
        ("|PASSWORD=password", "CODE=MISSING_KEY"),
        ("|USER=anna|PASSWORD=password|TOKEN=x", "CODE=BAD_VALUE"),
        ("|USER=anna|PASSWORD=passwore", "CODE=ACCESS_DENIED"),
        ("|USER=nobody|PASSWORD=password", "CODE=ACCESS_DENIED"),
        ("|USER=esp|PASSWORD=", "CODE=ACCESS_DENIED"),
        ("|TOKEN=gk_0123456789abcdef0123456789abcdef01234568", "CODE=ACCESS_DENIED"),
        ("|USER=gone|PASSWORD=password", "CODE=ACCESS_DENIED"),
        (&format!("|TOKEN={TOKEN}"), "REPLY=OK|USER=esp|ROLE=operator"),
    ] {
        house.line().expect(&format!("COMMAND=AUTH{fields}"), wanted);
    }
    let mut client = house.line_as("anna");
    client.expect("COMMAND=AUTH|USER=bert|PASSWORD=password", "CODE=NOT_SUPPORTED");
    client.expect("COMMAND=STATUS", "USER=anna");
}

#[test]
fn what_follows_the_credentials_waits_for_them() {
    let house = House::plain();
    let mut client = house.line();
    client.raw(
        b"|START|COMMAND=AUTH|USER=anna|PASSWORD=password|END||START|COMMAND=SET|DEVICE=led|VALUE=ON|END|\
          |START|COMMAND=QUIT|ID=last|END|",
    );
    client.finish();
    assert_eq!(client.receive(), "REPLY=OK|USER=anna|ROLE=operator");
    assert!(client.receive().starts_with("REPLY=OK|DEVICE=led|KIND=led|VALUE=1|"));
    assert_eq!((client.receive(), client.next()), ("REPLY=OK|ID=last".to_owned(), None));
}

#[test]
fn credentials_in_a_connect_are_right_or_refused() {
    use ReasonCode::{BadUserNameOrPassword, NotAuthorized, Success};
    let house = House::plain();
    let token_alone = Connect { password: Some(TOKEN.into()), ..connect("c") };
    let all = [
        (connect("c"), NotAuthorized),
        (credentials("c", "anna", "passwore"), BadUserNameOrPassword),
        (credentials("c", "nobody", "password"), BadUserNameOrPassword),
        (credentials("c", "gone", "password"), BadUserNameOrPassword),
        (Connect { username: Some("anna".to_owned()), ..connect("c") }, BadUserNameOrPassword),
        (credentials("c", "anna", TOKEN), BadUserNameOrPassword),
        (credentials("c", "esp", TOKEN), Success),
        (token_alone, Success),
        (credentials("c", "anna", "password"), Success),
    ];
    for (number, (connect, reason)) in all.into_iter().enumerate() {
        let shown = format!("{:?} {:?}", connect.username, connect.password);
        let (_client, connack) = house.connect(Connect { client_id: format!("c{number}"), ..connect });
        assert_eq!(connack.reason, reason, "{shown}");
    }
}

/// A page that connects, and what it is told.
pub fn connect_page(house: &House, connect: Connect) -> (WebSocketClient, ReasonCode) {
    let address = house.gatekeeper.http();
    let mut page = WebSocketClient::open(address, request(address)).expect("a WebSocket");
    page.send(&[Packet::Connect(Box::new(connect))]);
    match page.receive() {
        Packet::Connack(connack) => (page, connack.reason),
        other => panic!("no CONNACK: {other:?}"),
    }
}

#[test]
fn a_web_page_signs_in_as_well() {
    let house = House::plain();
    let connack = |connect: Connect| connect_page(&house, connect).1;
    assert_eq!(connack(connect("page")), ReasonCode::NotAuthorized);
    assert_eq!(connack(credentials("page", "anna", "guess")), ReasonCode::BadUserNameOrPassword);
    assert_eq!(connack(credentials("page", "anna", "password")), ReasonCode::Success);
}

#[test]
fn older_clients_get_the_return_codes_4_and_5() {
    let house = House::plain();
    let older = |connect| Connect { version: Version::V3, ..connect };
    for (connect, code) in [
        (older(connect("c")), 5),
        (older(credentials("c", "anna", "passwore")), 4),
        (older(credentials("c", "anna", "password")), 0),
    ] {
        let mut client = MqttClient::open(house.gatekeeper.mqtt(), Version::V3);
        client.send(&Packet::Connect(Box::new(connect)));
        let Packet::Connack(connack) = client.receive() else { panic!("no CONNACK") };
        let expected = [ReasonCode::Success, ReasonCode::BadUserNameOrPassword, ReasonCode::NotAuthorized];
        assert_eq!(Some(connack.reason), [0, 4, 5].iter().position(|c| *c == code).map(|at| expected[at]));
    }
}

#[test]
fn what_comes_right_behind_a_connect_waits_for_the_verdict() {
    let house = House::plain();
    let mut client = MqttClient::open(house.gatekeeper.mqtt(), Version::V5);
    client.send(&Packet::Connect(Box::new(credentials("c", "anna", "password"))));
    client.send(&Packet::Pingreq);
    assert!(matches!(client.receive(), Packet::Connack(connack) if connack.reason == ReasonCode::Success));
    assert_eq!(client.receive(), Packet::Pingresp);
}

#[test]
fn who_does_not_sign_in_has_the_role_of_the_anonymous() {
    let house = House::with(r#""anonymous": "viewer","#);
    let mut line = house.line();
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=ACCESS_DENIED");
    line.expect("COMMAND=STATUS", "ROLE=viewer");
    let mut mqtt = MqttClient::connect(house.gatekeeper.mqtt(), "guest");
    assert_eq!(mqtt.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::NotAuthorized);
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=wrong", "CODE=ACCESS_DENIED");
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK|USER=anna");
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
}

#[test]
fn without_users_everybody_may_do_everything() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "CODE=NOT_SUPPORTED");
    let (mut mqtt, connack) =
        MqttClient::connect_with(gatekeeper.mqtt(), credentials("c", "anna", "whatever"));
    assert_eq!(connack.reason, ReasonCode::Success);
    assert_eq!(mqtt.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::Success);
}

#[test]
fn who_does_not_sign_in_in_time_is_dismissed() {
    let house = House::with(r#""limits": {"connect_time": "1s"},"#);
    let mut line = house.line();
    line.expect("COMMAND=HELLO|KEEPALIVE=10min", "REPLY=OK");
    let mut mqtt = MqttClient::open(house.gatekeeper.mqtt(), Version::V5);
    let http = house.gatekeeper.http();
    let mut page = WebSocketClient::open(http, request(http)).expect("a WebSocket");
    assert!(line.receive().starts_with("EVENT=CLOSING|CODE=ACCESS_DENIED|"));
    assert_eq!(line.next(), None);
    assert_eq!(mqtt.next(), None);
    assert!(page.socket.read().is_err());
}

#[test]
fn a_flood_of_guesses_delays_neither_commands_nor_others() {
    let house = House::plain();
    let address = house.gatekeeper.mqtt();
    let mut working = house.line_as("bert");
    let (begun, begins) = channel();
    let guessing: Vec<_> = (0..16)
        .map(|number| {
            let begun = begun.clone();
            std::thread::spawn(move || {
                for _ in 0..3 {
                    let guess = credentials(&format!("guess-{number}"), "anna", "guess");
                    let mut client = MqttClient::open(address, Version::V5);
                    client.send(&Packet::Connect(Box::new(guess)));
                    let _ = begun.send(());
                }
            })
        })
        .collect();
    begins.recv().expect("they guess");
    for _ in 0..200 {
        working.expect("COMMAND=SET|DEVICE=relay|VALUE=TOGGLE", "REPLY=OK");
    }
    house.mqtt_as("vera", "panel").subscribe("pi/status");
    house.line().expect(&format!("COMMAND=AUTH|TOKEN={TOKEN}"), "REPLY=OK|USER=esp");
    guessing.into_iter().for_each(|guesser| guesser.join().expect("it guesses well"));
}

#[test]
fn more_wrong_tokens_than_may_wait_are_refused_at_once_over_both_protocols() {
    const WRONG: &str = "gk_0000000000000000000000000000000000000001";
    let house = House::plain();
    let (line, mqtt) = (house.gatekeeper.line(), house.gatekeeper.mqtt());
    let (told, hears) = channel();
    // Two are told at once that they are wrong, 32 wait, and the others are too many.
    let mut guessers: Vec<_> = (0..60).map(|_| LineClient::connect(line)).collect();
    guessers.iter_mut().for_each(|guesser| guesser.send(&format!("COMMAND=AUTH|TOKEN={WRONG}")));
    for mut guesser in guessers {
        let told = told.clone();
        std::thread::spawn(move || told.send(guesser.next().unwrap_or_default()));
    }
    drop(told);
    assert!(hears.iter().any(|reply| reply.starts_with("REPLY=ERROR|CODE=LIMIT_REACHED|")));
    let (told, hears) = channel();
    let mut guessers: Vec<_> = (0..60).map(|_| MqttClient::open(mqtt, Version::V5)).collect();
    for (number, guesser) in guessers.iter_mut().enumerate() {
        let guess = Connect { password: Some(WRONG.into()), ..connect(&format!("c{number}")) };
        guesser.send(&Packet::Connect(Box::new(guess)));
    }
    for mut guesser in guessers {
        let told = told.clone();
        std::thread::spawn(move || told.send(guesser.next()));
    }
    drop(told);
    let is_busy = |answer: &Option<Packet>| matches!(answer, Some(Packet::Connack(connack)) if connack.reason == ReasonCode::ServerBusy);
    assert!(hears.iter().any(|answer| is_busy(&answer)));
    house.line().expect(&format!("COMMAND=AUTH|TOKEN={TOKEN}"), "REPLY=OK|USER=esp");
}

#[test]
fn who_has_not_signed_in_takes_nobodys_seat() {
    let house = House::with(r#""limits": {"clients": 1},"#);
    let mut stranger = house.line();
    stranger.expect("COMMAND=HELLO|KEEPALIVE=10min", "REPLY=OK");
    house.connect(connect("refused"));
    let mut vera = house.mqtt_as("vera", "panel");
    stranger.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "CODE=TOO_MANY_CLIENTS");
    assert!(!vera.subscribe("pi/status").is_error());
}
