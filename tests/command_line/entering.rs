//! How the program says who it is: users, tokens, certificates, and the files of all that.

use rcgen::CertificateParams;

use super::Caller;
use super::support::process::Process;
use super::support::tls::Authority;
use super::support::users::{DIGEST, PHC, TOKEN, write_users};
use super::support::{DEMO_DEVICES, Gatekeeper};
use tempfile::TempDir;

/// A gatekeeper that knows `anna` with a password and a certificate, and `esp` with a token.
fn house(authority: &Authority) -> (Gatekeeper, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let users = folder.path().join("users.json");
    write_users(
        &users,
        &format!(
            r#""anna": {{"role": "operator", "password": "{PHC}", "devices": ["l*"], "certificates": ["anna.home"]}},
            "esp": {{"role": "viewer", "tokens": [{{"sha256": "{DIGEST}"}}]}}"#
        ),
    );
    let sections = authority.sections_with_clients("optional") + &format!(r#""users": {users:?},"#);
    (Gatekeeper::with(&sections, DEMO_DEVICES), folder)
}

#[test]
fn a_password_comes_from_where_others_do_not_see_it() {
    let authority = Authority::new();
    let (gatekeeper, _folder) = house(&authority);
    let caller = Caller::at(gatekeeper.line());
    assert!(caller.fails(19, &["set", "led", "on"]).contains("--user"));
    let mut typed = Process::start_typing(&mut caller.command(&[
        "set",
        "led",
        "on",
        "--user",
        "anna",
        "--password-stdin",
    ]));
    typed.type_in("password\n");
    let ended = typed.end();
    assert_eq!((ended.code(), &*ended.output), (Some(0), "led  on  1\n"), "{}", ended.errors);
    assert!(caller.fails(2, &["get", "--user", "anna"]).contains("--password-stdin"));
    let mut typed =
        Process::start_typing(&mut caller.command(&["logs", "--user", "anna", "--password-stdin"]));
    typed.type_in("password\n");
    assert_eq!(typed.end().code(), Some(19), "only admins read the log");
    let anna = caller.with("USER", "anna").with("PASSWORD", "password");
    assert_eq!(anna.says(&["get"]), "led   on   1\nlamp  off  0\n", "what she may see");
    assert!(anna.fails(19, &["get", "motor"]).contains("ACCESS_DENIED"));
    let wrong = Caller::at(gatekeeper.line()).with("USER", "anna").with("PASSWORD", "passwort");
    assert!(wrong.fails(19, &["get"]).contains("ACCESS_DENIED"));
}

#[test]
fn a_token_comes_from_a_file() {
    let authority = Authority::new();
    let (gatekeeper, _folder) = house(&authority);
    let caller = Caller::at(gatekeeper.line());
    let file = caller.file("token", &format!("{TOKEN}\n"), 0o600);
    assert_eq!(caller.says(&["get", "led", "--token-file", &file]), "led  off  0\n");
    caller.fails(19, &["set", "led", "on", "--token-file", &file]);
}

#[test]
fn the_file_of_credentials_is_for_its_owner_alone() {
    let authority = Authority::new();
    let (gatekeeper, _folder) = house(&authority);
    let caller = Caller::at(gatekeeper.line());
    let text = r#"{"user": "anna", "password": "password"}"#;
    caller.file(".config/gpio-gatekeeper/client.json", text, 0o600);
    assert_eq!(caller.says(&["get", "led"]), "led  off  0\n");
    caller.file(".config/gpio-gatekeeper/client.json", text, 0o644);
    let errors = caller.fails(2, &["get", "led"]);
    assert!(errors.contains("0644") && errors.contains("chmod 600"), "{errors}");
    let other = caller.file("other.json", r#"{"usr": "anna"}"#, 0o600);
    let caller = caller.with("CREDENTIALS", &other);
    assert!(caller.fails(2, &["get"]).contains("usr"));
}

#[test]
fn tls_is_trusted_by_the_authority_alone() {
    let authority = Authority::new();
    let (gatekeeper, _folder) = house(&authority);
    let port = gatekeeper.line_tls().port();
    let ca = authority.file("ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    let caller = Caller::of(&format!("lines://anna@localhost:{port}")).with("PASSWORD", "password");
    assert_eq!(caller.says(&["set", "led", "on", "--ca", ca]), "led  on  1\n");
    let stranger = Authority::new();
    let stranger = stranger.file("ca.pem");
    let errors = caller.fails(3, &["get", "--ca", stranger.to_str().expect("UTF-8")]);
    assert!(errors.contains("invalid peer certificate") && errors.contains("nothing was sent"), "{errors}");
    assert!(caller.fails(2, &["get", "--ca", "/nowhere.pem"]).contains("/nowhere.pem"));
}

#[test]
fn tls_is_for_the_name_that_was_called() {
    let authority = Authority::new();
    let params = CertificateParams::new(vec!["other.example".to_owned()]).expect("a name");
    authority.serve(&authority.sign(&params));
    let (gatekeeper, _folder) = house(&authority);
    let caller = Caller::of(&format!("lines://localhost:{}", gatekeeper.line_tls().port()));
    let ca = authority.file("ca.pem");
    let errors = caller.fails(3, &["get", "--ca", ca.to_str().expect("UTF-8")]);
    assert!(errors.contains("not valid for name"), "{errors}");
}

#[test]
fn a_certificate_says_who_this_is() {
    let authority = Authority::new();
    let (gatekeeper, _folder) = house(&authority);
    let own = authority.client(Some("anna.home"), "urn:anna");
    let caller = Caller::of(&format!("lines://127.0.0.1:{}", gatekeeper.line_tls().port()));
    let [certificate, key] =
        [("c.pem", &own.certificate), ("k.pem", &own.key)].map(|(name, text)| caller.file(name, text, 0o600));
    let ca = authority.file("ca.pem");
    let caller = caller.with("CA", ca.to_str().expect("UTF-8"));
    caller.fails(19, &["get"]);
    let caller = caller.with("CERTIFICATE", &certificate).with("KEY", &key);
    assert_eq!(caller.says(&["set", "led", "on"]), "led  on  1\n");
}
