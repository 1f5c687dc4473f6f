//! Configurations, good and broken: what is read, and what exactly is said about each mistake.

#[path = "config/broken_settings.rs"]
mod broken_settings;
#[path = "config/broken_syntax.rs"]
mod broken_syntax;
#[path = "config/kinds.rs"]
mod kinds;

use std::path::Path;
use std::time::Duration;

use gpio_gatekeeper::config::{self, Backend, ClientCertificates, Config, DEMO, Located, Report};
use gpio_gatekeeper::domain::{Bias, LineRef, Span};
use kinds::{Blueprint, KINDS};
use log::LevelFilter;
use proptest::prelude::*;

fn load(text: &str) -> Result<Config<Blueprint>, Report> {
    config::load(text, "pi.jsonc", KINDS)
}

fn good(text: &str) -> Config<Blueprint> {
    load(text).unwrap_or_else(|report| panic!("{report}"))
}

fn mistakes(text: &str) -> Vec<String> {
    match load(text) {
        Ok(config) => panic!("{text:?} is accepted: {config:?}"),
        Err(report) => report.mistakes.iter().map(Located::to_string).collect(),
    }
}

#[test]
fn every_mistake_is_named_with_its_place() {
    for (text, expected) in broken_syntax::TABLE.iter().chain(broken_settings::TABLE) {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn every_message_is_lower_case_and_without_full_stop() {
    for (_, expected) in broken_syntax::TABLE.iter().chain(broken_settings::TABLE) {
        for line in *expected {
            let message = line.rsplit(": ").next().unwrap_or(line);
            assert!(!message.ends_with('.') && !message.starts_with(char::is_uppercase), "{line}");
        }
    }
}

#[test]
fn a_report_begins_every_line_with_the_file() {
    let report = load("{\n  \"log\": 1,\n  \"lin\": {},\n}").expect_err("two mistakes");
    assert_eq!(
        report.to_string(),
        "pi.jsonc:2:10: log: expected a name in double quotes, found 1\n\
         pi.jsonc:3:3: lin: unknown key `lin`, did you mean `line`?"
    );
    let _: &dyn std::error::Error = &report;
}

#[test]
fn an_empty_object_is_all_defaults() {
    let config = good("{}");
    assert_eq!(config.line.listen, "127.0.0.1:7070".parse().ok());
    assert_eq!(config.line.keepalive, Span::from_millis(3000));
    assert_eq!(config.line.keepalive_maximum.0, Duration::from_secs(3600));
    assert_eq!(config.line.maximum_frame, 4096);
    assert_eq!(config.mqtt.listen, "127.0.0.1:1883".parse().ok());
    assert_eq!(config.mqtt.prefix, "pi");
    assert_eq!(config.mqtt.maximum_packet, 65536);
    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().ok());
    assert!(config.http.origins.is_empty());
    assert!(!config.line.insecure && !config.mqtt.insecure && !config.http.insecure);
    assert_eq!(config.hardware.backend, Backend::Auto);
    assert_eq!(config.hardware.chip, None);
    assert_eq!(config.hardware.watchdog, Some(Span::from_millis(10_000)));
    assert_eq!(good(r#"{"hardware": {"watchdog": null}}"#).hardware.watchdog, None);
    assert_eq!(config.limits.clients, 256);
    assert_eq!(config.limits.clients_per_address, 192);
    assert_eq!(config.limits.outbox_bytes, 1 << 20);
    assert_eq!(config.telemetry, Span::from_millis(10_000));
    assert_eq!(config.log, LevelFilter::Info);
    assert!(config.devices.is_empty());
}

#[test]
fn the_example_is_accepted_and_says_the_defaults() {
    let text = config::example(KINDS);
    let config = good(&text);
    let kinds: Vec<&str> = config.devices.iter().map(|device| device.kind).collect();
    assert_eq!(kinds, KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>());
    assert_eq!(Config { devices: Vec::new(), ..config }, good("{}"));

    // A setting that the example leaves out would not be noticed above.
    for key in [
        "log",
        "telemetry",
        "state_folder",
        "users",
        "anonymous",
        "persistence",
        "listen",
        "keepalive",
        "keepalive_maximum",
        "maximum_frame",
        "insecure",
        "prefix",
        "maximum_packet",
        "origins",
        "backend",
        "chip",
        "watchdog",
        "clients",
        "clients_per_address",
        "connect_time",
        "outbox_messages",
        "outbox_bytes",
        "subscriptions",
        "retained_messages",
        "retained_bytes",
        "tls",
        "certificate",
        "key",
        "client_ca",
        "client_certificates",
    ] {
        assert!(text.contains(&format!("\"{key}\": ")), "{key}");
    }
    assert!(text.lines().all(|line| line.len() <= 120 && line == line.trim_end()), "{text}");
}

#[test]
fn the_demo_is_accepted() {
    let config = good(DEMO);
    assert_eq!(config.hardware.backend, Backend::Simulated);
    let devices: Vec<_> = config.devices.iter().map(|device| (device.name.as_str(), device.kind)).collect();
    assert_eq!(
        devices,
        [("led", "led"), ("relay", "relay"), ("lamp", "pwm_led"), ("button", "button"), ("motor", "motor")]
    );
}

#[test]
fn devices_keep_the_order_and_the_settings_of_the_file() {
    let config = good(
        "{ \"hardware\": { \"chip\": \"pinctrl-bcm2711\" },\r\n\
           /* two */ \"devices\": {\r\n\
             \"z\": { \"button\": { \"line\": 17, \"bias\": \"pull-up\", \"debounce\": \"5ms\" } },\r\n\
             \"a\": { \"led\": { \"line\": 17, \"chip\": \"other\", }, }, // the same offset elsewhere\r\n\
           },\r\n\
         }",
    );
    let [z, a] = config.devices.as_slice() else { panic!("two devices: {:?}", config.devices) };
    assert_eq!((z.name.as_str(), a.name.as_str()), ("z", "a"));
    let Blueprint::Button(button) = &z.blueprint else { panic!("a button: {z:?}") };
    assert_eq!(button.line, LineRef::Offset(17));
    assert_eq!((button.bias, button.debounce), (Bias::PullUp, Some(Span::from_millis(5))));
    let Blueprint::Output(led) = &a.blueprint else { panic!("a led: {a:?}") };
    assert_eq!(led.chip.as_deref(), Some("other"));
}

#[test]
fn what_looks_like_a_mistake_but_is_none_is_accepted() {
    for text in [
        "\u{feff}{}",
        "{}//",
        "\r\n{\r\n}\r\n",
        r#"{"line": {"listen": null}}"#,
        r#"{"line": {"listen": "0.0.0.0:7070", "insecure": true}}"#,
        r#"{"line": {"listen": "[::1]:7070", "insecure": true}}"#,
        r#"{"line": {"listen": "[::ffff:127.0.0.1]:7070"}}"#,
        r#"{"line": {"listen": "127.0.0.1:0"}, "mqtt": {"listen": "127.0.0.1:0"}}"#,
        r#"{"line": {"listen": "127.0.0.2:1883"}}"#,
        r#"{"line": {"listen": null}, "mqtt": {"listen": null}}"#,
        r#"{"http": {"listen": null}, "mqtt": {"listen": "127.0.0.1:8080"}}"#,
        r#"{"http": {"origins": ["*", "https://panel.example", "http://[::1]:3000", "app://x"]}}"#,
        r#"{"line": {"keepalive": "1h"}}"#,
        r#"{"mqtt": {"maximum_packet": 16777216}}"#,
        r#"{"mqtt": {"prefix": "küche 1"}}"#,
        r#"{"hardware": {"backend": "simulated"}, "devices": {"a": {"led": {"line": 17}}}}"#,
        r#"{"devices": {"a": {"led": {"line": 17, "chip": "x"}}}}"#,
        r#"{"devices": {"a": {"led": {"\u006cine": "GPIO1"}}}}"#,
        r#"{"devices": {"a": {"led": {"line": "a", "chip": "x"}}, "b": {"led": {"line": "a", "chip": "y"}}}}"#,
    ] {
        good(text);
    }
}

#[test]
fn limits_that_follow_others_follow_them() {
    let config = good(r#"{"limits": {"clients": 8}, "mqtt": {"maximum_packet": 2000000}}"#);
    assert_eq!(config.limits.clients_per_address, 6);
    assert_eq!(config.limits.outbox_bytes, 4_000_000);
}

#[test]
fn a_listener_for_tls_stands_beside_the_plain_one() {
    let config = good(
        r#"{"line": {"tls": {"certificate": "/c.pem", "key": "/k.pem", "client_ca": "/a.pem"}},
            "mqtt": {"listen": null, "tls": {"certificate": "/c.pem", "key": "/k.pem"}},
            "http": {"tls": {"listen": "[::1]:443", "certificate": "/c.pem", "key": "/k.pem",
                             "client_ca": "/a.pem", "client_certificates": "optional"}}}"#,
    );
    let [line, mqtt, http] =
        [config.line.tls, config.mqtt.tls, config.http.tls].map(|tls| tls.expect("it is there"));
    assert_eq!(line.listen, "127.0.0.1:7071".parse().ok());
    assert_eq!(line.client_certificates, ClientCertificates::Required);
    assert_eq!((&*line.key.path, &*line.key.place), (Path::new("/k.pem"), "1:51: line.tls.key"));
    assert_eq!(mqtt.listen, "127.0.0.1:8883".parse().ok());
    assert_eq!((mqtt.client_certificates, mqtt.client_ca), (ClientCertificates::Off, None));
    assert_eq!(http.listen, "[::1]:443".parse().ok());
    assert_eq!(http.client_certificates, ClientCertificates::Optional);
    assert_eq!(http.client_ca.expect("given").place, "4:43: http.tls.client_ca");
    // A gatekeeper that is reached in TLS alone is of use.
    good(
        r#"{"line": {"listen": null}, "http": {"listen": null},
             "mqtt": {"listen": null, "tls": {"certificate": "/c.pem", "key": "/k.pem"}}}"#,
    );
}

#[test]
fn what_other_machines_may_do_unasked_is_a_danger() {
    let tls = r#""tls": {"listen": "[::]:8883", "certificate": "/c", "key": "/k"}"#;
    let reached = "can be reached from other machines, and";
    let drives = "everybody who can reach it may drive every device without signing in (a warning)";
    let drives = format!("anonymous: [::]:8883 {reached} {drives}");
    let reads =
        "passwords would cross the network for everybody to read, because this is not the listener of";
    let reads = format!("http.listen: 0.0.0.0:80 {reached} {reads} \"tls\" (a warning)");
    for (sections, dangers) in [
        (String::new(), vec![]),
        (format!(r#""mqtt": {{{tls}}}"#), vec![]),
        (format!(r#""mqtt": {{{tls}}}, "anonymous": "viewer""#), vec![]),
        (r#""anonymous": "operator""#.to_owned(), vec![]),
        (format!(r#""mqtt": {{{tls}}}, "anonymous": "operator""#), vec![drives]),
        (
            format!(
                r#""mqtt": {{{}}}, "anonymous": "operator""#,
                tls.replace("/k\"", "/k\", \"client_ca\": \"/a\"")
            ),
            vec![],
        ),
        (r#""http": {"listen": "0.0.0.0:80", "insecure": true}"#.to_owned(), vec![reads]),
        (r#""http": {"insecure": true}"#.to_owned(), vec![]),
    ] {
        let comma = if sections.is_empty() { "" } else { "," };
        let config = good(&format!(r#"{{"users": "/u"{comma} {sections}}}"#));
        assert_eq!(config.dangers(), dangers, "{sections}");
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let lists = "[".repeat(200_000);
    assert_eq!(mistakes(&lists), ["1:128: nested too deeply: no setting is more than 127 levels deep"]);
    let objects = "{\"a\":".repeat(200_000);
    assert_eq!(mistakes(&objects), ["1:636: nested too deeply: no setting is more than 127 levels deep"]);
    let closed = format!("{{\"log\": {}{}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(mistakes(&closed).len(), 1);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _ = load(&text);
    }

    /// Pieces that make sense get further than arbitrary characters do.
    #[test]
    fn arbitrary_pieces_never_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "\"", "\\", "//", "/*", "*/", "\n", "\r\n", "ö", "\u{feff}", "1e5", "null",
                "true", "-", "\"line\"", "\"mqtt\"", "\"devices\"", "\"led\"", "\"listen\"", "\"a\":", "{\"led\":{",
                "\"line\":17", "\"strip\"", "\"steps\"", "\"1s\"", "\"motor\":{", "}}", "\"limits\":{",
            ]),
            0..40,
        ),
    ) {
        let _ = load(&pieces.concat());
    }

    /// Every prefix, and every single character that is changed, of a good file is read or refused.
    #[test]
    fn a_damaged_example_never_panics(at in 0_usize..4000, with in any::<char>()) {
        let text = config::example(KINDS);
        let damaged: String =
            text.chars().enumerate().map(|(index, c)| if index == at { with } else { c }).collect();
        let _ = load(&damaged);
        let _ = load(&text.chars().take(at).collect::<String>());
    }

    #[test]
    fn mistakes_stand_inside_of_the_file_and_in_its_order(text in "[ \n{}\\[\\]:,\"a-z1öü/*]{0,80}") {
        if let Err(report) = load(&text) {
            prop_assert!(!report.mistakes.is_empty());
            prop_assert!(report.mistakes.is_sorted());
            for mistake in &report.mistakes {
                let line = text.split('\n').nth(mistake.line - 1);
                prop_assert!(line.is_some_and(|line| mistake.column <= line.chars().count() + 1), "{mistake}");
            }
        }
    }
}
