//! The files of TLS as an administrator meets them: made, checked, refused at the start, and shown to clients that
//! others wrote.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use support::process::{Ended, Process};
use support::program::{Program, file, gatekeeper};
use support::tls::{Authority, Term};
use support::{DEMO_DEVICES, programs_are_here};

fn run(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

/// A configuration of these sections on simulated hardware.
fn configuration(sections: &str) -> String {
    format!(
        "{{\n{sections}\n\"hardware\": {{\"backend\": \"simulated\"}}, \"devices\": {{ {DEMO_DEVICES} }} }}"
    )
}

/// What `check` says of the files of an authority.
fn check(authority: &Authority) -> Ended {
    let tls = authority.settings(&format!(r#", "client_ca": {:?}"#, authority.file("ca.pem")));
    let (_folder, name) = file(&configuration(&format!(r#""mqtt": {{"tls": {tls}}},"#)));
    let ended = run(&["check", &name]);
    assert!(ended.errors.lines().all(|line| line.starts_with(&format!("{name}:2:"))), "{}", ended.errors);
    ended
}

/// Where the program speaks MQTT or the line protocol in TLS.
fn secured<'a>(program: &'a Program, name: &str) -> &'a str {
    let row = program.greeting.iter().find_map(|row| row.trim_start().strip_prefix(name));
    row.unwrap_or_else(|| panic!("{name}: {:?}", program.greeting)).trim()
}

#[test]
fn each_file_is_checked_and_what_is_wrong_comes_with_the_fix() {
    let strangers = Authority::new();
    let other_key = strangers.server(Term::Good).key;
    type Damage<'a> = &'a dyn Fn(&Authority);
    let write = |authority: &Authority, name: &str, text: &str| {
        fs::write(authority.file(name), text).expect("writable");
    };
    let cases: [(&str, Damage<'_>, &[&str]); 8] = [
        (
            "no certificate",
            &|a| fs::remove_file(a.file("certificate.pem")).expect("there"),
            &["mqtt.tls.certificate: there is no file ", "gpio-gatekeeper cert"],
        ),
        (
            "no PEM",
            &|a| write(a, "certificate.pem", "text"),
            &["mqtt.tls.certificate: ", "has no certificate in it"],
        ),
        (
            "no base64",
            &|a| write(a, "ca.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"),
            &["mqtt.tls.client_ca: ", "is no PEM file"],
        ),
        ("an empty key", &|a| write(a, "key.pem", ""), &["mqtt.tls.key: ", "has no private key in it"]),
        ("another key", &|a| write(a, "key.pem", &other_key), &["mqtt.tls.key: ", "is not the key of"]),
        (
            "too old",
            &|a| a.serve(&a.server(Term::Expired)),
            &["mqtt.tls.certificate: ", "has expired ", "renew it"],
        ),
        (
            "a folder",
            &|a| {
                fs::remove_file(a.file("key.pem")).expect("there");
                fs::create_dir(a.file("key.pem")).expect("writable");
            },
            &["mqtt.tls.key: ", "can't be read"],
        ),
        (
            "no authority",
            &|a| fs::remove_file(a.file("ca.pem")).expect("there"),
            &["mqtt.tls.client_ca: there is no"],
        ),
    ];
    for (name, damage, said) in cases {
        let authority = Authority::new();
        assert_eq!(check(&authority).code(), Some(0));
        damage(&authority);
        let ended = check(&authority);
        assert_eq!((ended.code(), &*ended.output), (Some(2), ""), "{name}");
        assert!(said.iter().all(|part| ended.errors.contains(part)), "{name}: {}", ended.errors);
    }
}

#[test]
fn a_key_that_others_can_read_is_a_warning() {
    let authority = Authority::new();
    let open = |mode| {
        fs::set_permissions(authority.file("key.pem"), fs::Permissions::from_mode(mode)).expect("ours")
    };
    open(0o640);
    let ended = check(&authority);
    assert_eq!((ended.code(), &*ended.errors), (Some(0), ""), "a group may have it");
    open(0o644);
    let ended = check(&authority);
    assert_eq!(ended.code(), Some(0));
    assert!(ended.errors.contains("mqtt.tls.key: everybody on this machine can read "), "{}", ended.errors);
    assert!(ended.errors.contains("chmod o= "), "{}", ended.errors);
}

#[test]
fn the_program_does_not_start_with_files_that_can_not_be_used() {
    let authority = Authority::new();
    fs::remove_file(authority.file("key.pem")).expect("it was there");
    let (_folder, name) = file(&configuration(&authority.sections("")));
    let ended = run(&["--config", &name]);
    assert_eq!((ended.code(), &*ended.output), (Some(2), ""));
    assert!(ended.errors.contains(&format!("{name}:2:")), "{}", ended.errors);
    assert!(ended.errors.contains("line.tls.key: there is no file "), "{}", ended.errors);
}

#[test]
fn a_certificate_that_is_made_is_good_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    let make = ["cert", "--self-signed", "localhost", "127.0.0.1", "--out", out];
    let made = run(&make);
    assert_eq!((made.code(), &*made.errors), (Some(0), ""));
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    for part in ["--cafile ", "openssl s_client -connect localhost:7071", "825 days", &*key.to_string_lossy()]
    {
        assert!(made.output.contains(part), "{part}: {}", made.output);
    }
    let before = fs::read(&key).expect("readable");
    let again = run(&make);
    assert_eq!(again.code(), Some(1));
    assert!(again.errors.contains("is there already"), "{}", again.errors);
    assert_eq!(fs::read(&key).expect("readable"), before);
    fs::remove_file(&key).expect("ours");
    assert_eq!(run(&make).code(), Some(1));
    assert!(!key.exists(), "no key without its certificate");
    assert!(certificate.exists());
    for wrong in [&["cert"][..], &["cert", "--out", out], &["cert", "localhost"], &["cert", "--self-signed"]]
    {
        assert_eq!(run(wrong).code(), Some(2), "{wrong:?}");
    }
    assert!(run(&["cert", "--self-signed", "a b", "--out", out]).errors.contains("is no name of a host"));
    assert!(
        run(&["cert", "--self-signed", "a", "--out", "/nowhere"]).errors.contains("can't write /nowhere")
    );
}

#[test]
fn certificates_of_clients_are_signed_by_one_authority() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    let make = |name: &str| run(&["cert", "--client", name, "--out", out]);
    let path = |name: &str| folder.path().join(name);
    let first = make("esp1.home");
    assert_eq!((first.code(), &*first.errors), (Some(0), ""));
    for part in ["825 days", "user certificate USER esp1.home", "--cert ", "esp1.home-key.pem", "client_ca"] {
        assert!(first.output.contains(part), "{part}: {}", first.output);
    }
    for key in ["clients-key.pem", "esp1.home-key.pem"] {
        assert_eq!(
            fs::metadata(path(key)).expect("it is there").permissions().mode() & 0o777,
            0o600,
            "{key}"
        );
    }
    let authority = fs::read(path("clients.pem")).expect("readable");
    assert_eq!(make("esp2").code(), Some(0));
    assert_eq!(fs::read(path("clients.pem")).expect("readable"), authority);
    for (name, why) in [
        ("esp1.home", "is there already"),
        ("clients", "is the file of the authority"),
        ("../esp", "is no name for a client"),
        ("-h", "is no name for a client"),
    ] {
        let refused = make(name);
        assert_eq!(refused.code(), Some(1), "{name}");
        assert!(refused.errors.contains(why), "{name}: {}", refused.errors);
    }
    fs::write(path("clients.pem"), Authority::new().certificate()).expect("writable");
    assert!(make("esp3").errors.contains("clients-key.pem does not sign what "));
    fs::remove_file(path("clients-key.pem")).expect("ours");
    assert!(make("esp3").errors.contains("can't use "));
    assert!(!path("esp3.pem").exists() && !path("esp3-key.pem").exists());
    let both = run(&["cert", "--client", "a", "--self-signed", "b", "--out", out]);
    assert_eq!(both.code(), Some(2), "{}", both.errors);
}

#[test]
fn sighup_exchanges_the_certificate() {
    let authority = Authority::new();
    let mut program = Program::start(&configuration(&authority.sections("")));
    let address = secured(&program, "line+tls").parse().expect("an address");
    let shown = || {
        let secured = authority.connect(address);
        secured.conn.peer_certificates().expect("it is shown")[0].to_vec()
    };
    let before = shown();
    authority.serve(&authority.server(Term::Good));
    program.process.signal(Signal::SIGHUP);
    for _ in ["line", "mqtt", "http"] {
        program.process.error_with("certificate.pem: read anew");
    }
    assert_ne!(shown(), before);
    fs::write(authority.file("certificate.pem"), "nothing").expect("writable");
    program.process.signal(Signal::SIGHUP);
    program.process.error_with("certificate.pem: the one read before stays in use");
    program.process.error_with("line.tls.certificate: ");
    shown();
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

/// Over ports of TLS, with a certificate that the program has made itself.
#[test]
fn mosquitto_and_openssl_trust_a_certificate_that_is_given_to_them() {
    if !programs_are_here(&["mosquitto_pub", "mosquitto_sub", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    assert_eq!(run(&["cert", "--self-signed", "localhost", "127.0.0.1", "--out", out]).code(), Some(0));
    let tls = format!(
        r#"{{"listen": "127.0.0.1:0", "certificate": "{out}/certificate.pem", "key": "{out}/key.pem"}}"#
    );
    let section = |name: &str| format!(r#""{name}": {{"listen": "127.0.0.1:0", "tls": {tls}}},"#);
    let sections = ["line", "mqtt", "http"].map(section).concat();
    let program = Program::start(&configuration(&sections));
    let port = secured(&program, "mqtt+tls").rsplit(':').next().expect("a port");
    for host in ["localhost", "127.0.0.1"] {
        let mqtt = format!("-h {host} -p {port} --cafile {out}/certificate.pem");
        for (version, payload, value) in [("5", "ON", 1), ("mqttv311", "OFF", 0)] {
            let sent = format!("mosquitto_pub -V {version} {mqtt} -q 1 -t pi/devices/led/set -m {payload}");
            assert_eq!(Process::shell(&sent).end().code(), Some(0), "{host} {version}");
            let seen = format!("mosquitto_sub -V {version} {mqtt} -t pi/devices/led/state -C 1 -W 20");
            let seen = Process::shell(&seen).end();
            assert!(seen.output.contains(&format!(r#""value":{value}"#)), "{seen:?}");
        }
    }
    let untrusting = format!("mosquitto_pub -h localhost -p {port} --tls-use-os-certs -t t -m x");
    assert_ne!(Process::shell(&untrusting).end().code(), Some(0));
    let line = secured(&program, "line+tls");
    let said = Process::shell(&format!(
        "printf '|START|COMMAND=LIST|END||START|COMMAND=QUIT|END|' | \
         openssl s_client -connect {line} -CAfile {out}/certificate.pem -verify_return_error -quiet -ign_eof"
    ))
    .end();
    assert!(said.output.starts_with("|START|REPLY=OK|COUNT=5|"), "{said:?}");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

/// As README tells it: with files that the program has made itself.
#[test]
fn mosquitto_signs_in_with_a_certificate() {
    if !programs_are_here(&["mosquitto_pub", "mosquitto_sub"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("UTF-8");
    let users = format!("{out}/users.json");
    for arguments in [
        "cert --self-signed localhost --out OUT",
        "cert --client esp1.home --out OUT",
        "cert --client stranger --out OUT",
        "user add esp1 --devices l* --no-password --users OUT/users.json",
        "user certificate esp1 esp1.home --users OUT/users.json",
    ] {
        let ended = run(&arguments.replace("OUT", out).split(' ').collect::<Vec<_>>());
        assert_eq!(ended.code(), Some(0), "{arguments}: {}", ended.errors);
    }
    let tls = format!(
        r#"{{"listen": "127.0.0.1:0", "certificate": "{out}/certificate.pem", "key": "{out}/key.pem",
        "client_ca": "{out}/clients.pem", "client_certificates": "optional"}}"#
    );
    let section = |name: &str| format!(r#""{name}": {{"listen": "127.0.0.1:0", "tls": {tls}}},"#);
    let sections = ["line", "mqtt", "http"].map(section).concat();
    let program = Program::start(&configuration(&format!(r#"{sections} "users": "{users}","#)));
    let port = secured(&program, "mqtt+tls").rsplit(':').next().expect("a port");
    let publish = |version: &str, device: &str, shown: &str| {
        Process::shell(&format!(
            "mosquitto_pub -V {version} -h localhost -p {port} --cafile {out}/certificate.pem {shown} -q 1 \
             -t pi/devices/{device}/set -m ON"
        ))
        .end()
    };
    let shown = |name: &str| format!("--cert {out}/{name}.pem --key {out}/{name}-key.pem");
    for version in ["5", "mqttv311"] {
        for user in ["", " -u esp1"] {
            let sent = publish(version, "led", &format!("{}{user}", shown("esp1.home")));
            assert_eq!((sent.code(), &*sent.errors), (Some(0), ""), "{version}{user}");
        }
        for refused in ["".to_owned(), shown("stranger"), format!("{} -u root", shown("esp1.home"))] {
            let refused = publish(version, "led", &refused);
            assert!(refused.errors.to_lowercase().contains("not authori"), "{refused:?}");
        }
    }
    let motor = publish("5", "motor", &shown("esp1.home"));
    assert!(motor.errors.contains("Not authorized"), "{motor:?}");
    let seen = Process::shell(&format!(
        "mosquitto_sub -V 5 -h localhost -p {port} --cafile {out}/certificate.pem {} -t pi/devices/led/state -C 1 -W 20",
        shown("esp1.home")
    ))
    .end();
    assert!(seen.output.contains(r#""value":1"#), "{seen:?}");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn mosquitto_shows_a_certificate_where_one_is_required() {
    if !programs_are_here(&["mosquitto_pub", "mosquitto_sub"]) {
        return;
    }
    let authority = Authority::new();
    let program = Program::start(&configuration(&authority.sections_with_clients("required")));
    let own = authority.client(Some("alice"), "urn:a");
    fs::write(authority.file("own.pem"), own.certificate).expect("writable");
    fs::write(authority.file("own.key"), own.key).expect("writable");
    let port = secured(&program, "mqtt+tls").rsplit(':').next().expect("a port");
    let publish =
        format!("mosquitto_pub -h localhost -p {port} --cafile {:?} -t t -m x", authority.file("ca.pem"));
    assert_ne!(Process::shell(&publish).end().code(), Some(0));
    let shown =
        format!("{publish} --cert {:?} --key {:?}", authority.file("own.pem"), authority.file("own.key"));
    let sent = Process::shell(&shown).end();
    assert_eq!((sent.code(), &*sent.errors), (Some(0), ""));
}
