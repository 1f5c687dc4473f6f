//! `gpio-gatekeeper user`, as an administrator runs it.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::support::process::{Ended, Process};
use super::support::program::gatekeeper;

/// A users file of the test's own.
struct File {
    _folder: TempDir,
    path: String,
}

impl File {
    fn new() -> File {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("users.json").to_str().expect("UTF-8").to_owned();
        File { _folder: folder, path }
    }

    /// Runs `user` with these arguments and this to read.
    fn run(&self, arguments: &str, input: &str) -> Ended {
        let words = arguments.split(' ').chain(["--users", &self.path]);
        let mut process = Process::start_typing(gatekeeper(&["user"]).args(words));
        process.type_in(input);
        process.end()
    }

    /// The same, which goes well.
    fn good(&self, arguments: &str, input: &str) -> String {
        let ended = self.run(arguments, input);
        assert_eq!((ended.code(), &*ended.errors), (Some(0), ""), "{arguments}");
        ended.output
    }

    /// The same, which is refused with these words and changes nothing.
    fn refused(&self, arguments: &str, input: &str, why: &str) {
        let before = std::fs::read(&self.path).ok();
        let ended = self.run(arguments, input);
        assert!(
            matches!(ended.code(), Some(1 | 2)) && ended.errors.contains(why),
            "{arguments}: {}",
            ended.errors
        );
        assert_eq!(std::fs::read(&self.path).ok(), before, "{arguments}");
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).expect("it is there")
    }
}

#[test]
fn users_are_added_changed_listed_and_removed() {
    let file = File::new();
    file.good("add root --role admin --password-stdin", "correct horse\n");
    file.good("add esp --role viewer --devices lamp,m* --topics home/%c/# --no-password", "");
    assert!(file.text().contains("$argon2id$v=19$m=7168,t=5,p=1$") && !file.text().contains("correct"));
    let mode = std::fs::metadata(&file.path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = file.text();
    file.good("passwd root --password-stdin", "battery staple\n");
    assert_ne!(file.text(), before);
    let list = file.good("list", "");
    assert_eq!(
        list,
        "NAME  ROLE    SIGNS IN BY  UNTIL  DEVICES  TOPICS\n\
         root  admin   password     -      *        #\n\
         esp   viewer  nothing      -      lamp,m*  home/%c/#\n"
    );
    file.good("remove root", "");
    let json: serde_json::Value = serde_json::from_str(&file.good("list --json", "")).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(1));
    assert_eq!((&json[0]["name"], &json[0]["password"]), (&"esp".into(), &false.into()));
}

#[test]
fn a_token_is_shown_once_and_kept_as_its_digest() {
    let file = File::new();
    file.good("add esp --no-password --expires 30d", "");
    let token = file.good("token esp --expires 2999-01-01", "");
    assert_eq!((token.len(), &token[..3]), (44, "gk_"), "{token}");
    assert!(!file.text().contains(token.trim()) && file.text().contains("\"expires\": 32472144000"));
    assert_ne!(file.good("token esp", ""), token);
    assert!(file.good("list", "").contains("2 tokens"));
    assert_eq!(file.good("token esp --revoke", ""), "esp had 2 tokens and has none now\n");
    assert!(!file.text().contains("sha256"));
}

#[test]
fn a_name_in_a_certificate_belongs_to_one_user_until_it_is_removed() {
    let file = File::new();
    file.good("add esp --no-password", "");
    file.good("add bert --no-password", "");
    for name in ["esp1.home", "Küche"] {
        file.good(&format!("certificate esp {name}"), "");
    }
    let listed = file.good("list", "");
    assert!(listed.contains("certificate \"esp1.home\", certificate \"Küche\"  -  "), "{listed}");
    for user in ["esp", "bert"] {
        file.refused(&format!("certificate {user} esp1.home"), "", "\"esp1.home\" is one of esp's already");
    }
    file.refused("certificate bert esp1.home --remove", "", "\"esp1.home\" is none of bert's");
    file.good("certificate esp esp1.home --remove", "");
    file.good("certificate bert esp1.home", "");
    let json: serde_json::Value = serde_json::from_str(&file.good("list --json", "")).expect("JSON");
    assert_eq!(
        (&json[0]["certificates"][0], &json[1]["certificates"][0]),
        (&"Küche".into(), &"esp1.home".into())
    );
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let file = File::new();
    file.refused("list", "", "users.json: there is no such file");
    file.good("add anna --password-stdin", "12345678\n");
    for (arguments, input, why) in [
        ("add anna --password-stdin", "12345678\n", "there is a user anna already"),
        ("add bert --password-stdin", "1234567\n", "a password has 8 to 1024 bytes"),
        ("add bert", "", "there is no terminal to ask"),
        ("add b/c --no-password", "", "a user name has only"),
        ("add bert --role root", "", "none of viewer, operator and admin"),
        ("add bert --role admin --devices lamp", "", "leave out --devices and --topics"),
        ("add bert --devices Lamp --no-password", "", "\"Lamp\": a pattern of devices"),
        ("add bert --topics a# --no-password", "", "\"a#\": '#' is a whole level"),
        ("add bert --expires yesterday", "", "neither a span"),
        ("add bert --expires 2001-01-01", "", "is over already"),
        ("add --no-password", "", "user add needs a name"),
        ("passwd bert --password-stdin", "", "there is no user bert"),
        ("remove bert", "", "there is no user bert"),
        ("token bert", "", "there is no user bert"),
        ("certificate bert esp1.home", "", "there is no user bert"),
        ("certificate bert esp1.home --remove", "", "there is no user bert"),
        ("certificate anna", "", "user certificate needs the name in the certificate"),
        ("certificate anna a\tb", "", "a name in a certificate has no control characters"),
        ("certificate anna x --revoke", "", "invalid option '--revoke'"),
        ("remove anna --json", "", "invalid option '--json'"),
        ("rename anna", "", "user has no \"rename\""),
    ] {
        file.refused(arguments, input, why);
    }
}

#[test]
fn without_a_file_it_is_asked_where_the_users_are() {
    let ended = Process::start(&mut gatekeeper(&["user", "list"])).end();
    assert_eq!(ended.code(), Some(2));
    assert!(
        ended.errors.contains("where are the users? give --users FILE or --config FILE"),
        "{}",
        ended.errors
    );
}
