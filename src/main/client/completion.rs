//! `gpio-gatekeeper completion`: scripts for shells, which ask `gpio-gatekeeper complete` what may follow.

use std::ffi::OsString;
use std::process::ExitCode;

use gpio_gatekeeper::client::{Connection, Request};
use gpio_gatekeeper::domain::Span;
use lexopt::prelude::*;

use super::{Options, shown};

/// A shell that completes what is typed.
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The word by which a script asks.
pub(super) const ASK: &str = "complete";

/// Every word of the program, and its options beside those that all words for a running gatekeeper have.
const WORDS: [(&str, &[&str]); 18] = [
    ("get", &[]),
    ("set", &["--token", "--within"]),
    ("do", &["--token", "--within"]),
    ("watch", &[]),
    ("lease", &["--ttl", "--wait"]),
    ("send", &[]),
    ("publish", &["--retain"]),
    ("logs", &["--level", "--audit"]),
    ("completion", &[]),
    ("check", &["--as", "--can", "--client"]),
    ("config", &["--example"]),
    ("scan", &["--json", "--no-i2c"]),
    ("doctor", &[]),
    ("safe-states", &["--config"]),
    ("unit", &["--config"]),
    ("cert", &["--self-signed", "--client", "--out"]),
    (
        "user",
        &[
            "--role",
            "--devices",
            "--topics",
            "--expires",
            "--password-stdin",
            "--no-password",
            "--users",
            "--config",
            "--revoke",
            "--remove",
            "--json",
        ],
    ),
    ("--config", &[]),
];
/// The words for a running gatekeeper, which have the options of all of them.
const CLIENTS: usize = 8;
/// Options without a value.
const FLAGS: [&str; 10] = [
    "--password-stdin",
    "--json",
    "--audit",
    "--example",
    "--no-i2c",
    "--no-password",
    "--revoke",
    "--remove",
    "--retain",
    "--help",
];
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
const LEVELS: [&str; 3] = ["error", "warn", "info"];
const USER_WORDS: [&str; 6] = ["add", "passwd", "remove", "list", "token", "certificate"];
/// Nobody waits longer for a candidate.
const PATIENCE: Span = Span::from_millis(1000);

/// Reads what follows the word `completion`.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Shell>, lexopt::Error> {
    let shell = match parser.next()? {
        Some(Short('h') | Long("help")) => return Ok(None),
        Some(Value(shell)) => shell.string()?,
        _ => String::new(),
    };
    Ok(Some(match shell.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => return Err("completion needs a shell: bash, zsh or fish".into()),
    }))
}

/// Prints the script of a shell.
pub(super) fn script(shell: &Shell) -> ExitCode {
    shown::finish(match shell {
        Shell::Bash => include_str!("completion/bash.sh"),
        Shell::Zsh => include_str!("completion/zsh.zsh"),
        Shell::Fish => include_str!("completion/fish.fish"),
    })
}

/// Prints what the last of these words may be, one on a line.
pub(super) fn complete(words: &[OsString]) -> ExitCode {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", &[][..]),
    };
    let fitting: Vec<String> =
        candidates(before, last).into_iter().filter(|candidate| candidate.starts_with(last)).collect();
    shown::finish(&fitting.join("\n"))
}

/// What may follow these words; a shell without any offers files.
fn candidates(before: &[String], last: &str) -> Vec<String> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let Some((word, rest)) = before.split_first() else {
        return WORDS.iter().map(|(word, _)| (*word).to_owned()).collect();
    };
    let Some(place) = WORDS.iter().position(|(known, _)| known == word) else { return Vec::new() };
    match rest.last().map(String::as_str) {
        Some("--level") => return owned(&LEVELS),
        Some("--role") => return owned(&["viewer", "operator", "admin"]),
        Some(option) if option.starts_with("--") && !FLAGS.contains(&option) => return Vec::new(),
        _ => {}
    }
    let is_client = place < CLIENTS;
    if last.starts_with('-') {
        let mut options = owned(WORDS[place].1);
        if is_client {
            options.extend(Options::NAMES.iter().map(|name| format!("--{name}")));
        }
        return options;
    }
    let (typed, options) = sorted(rest);
    match (word.as_str(), &typed[..]) {
        ("completion", []) => owned(&SHELLS),
        ("user", []) => owned(&USER_WORDS),
        ("get" | "watch", _) | ("set" | "do", []) => devices(options),
        ("set", [_]) => owned(&["on", "off", "toggle"]),
        ("do", [device]) => actions(options, device),
        ("lease", []) => {
            // Those before the comma stand already.
            let (held, _) = last.rsplit_once(',').map_or(("", last), |(held, rest)| (held, rest));
            let already: Vec<&str> = held.split(',').collect();
            let free = devices(options).into_iter().filter(|name| !already.contains(&name.as_str()));
            let comma = if held.is_empty() { "" } else { "," };
            free.map(|name| format!("{held}{comma}{name}")).collect()
        }
        _ => Vec::new(),
    }
}

/// Words, and the options that say where the gatekeeper is.
fn sorted(rest: &[String]) -> (Vec<&str>, Options) {
    let (mut typed, mut options) = (Vec::new(), Options::default());
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            None => typed.push(word.as_str()),
            // It would be asked for on a terminal that is busy, or read from one.
            Some("password-stdin" | "json" | "timeout") => {}
            Some(name) if Options::NAMES.contains(&name) => {
                let mut value =
                    lexopt::Parser::from_args(words.next().map(|value| format!("--{name}={value}")));
                // What is wrong is said when the line is run.
                if let Ok(Some(Long(name))) = value.next() {
                    let name = name.to_owned();
                    let _ = options.take(&name, &mut value);
                }
            }
            Some(_) if FLAGS.contains(&word.as_str()) => {}
            Some(_) => drop(words.next()),
        }
    }
    (typed, options)
}

/// A connection for a moment; none where there is no gatekeeper, or it wants a password that is nowhere.
fn connect(options: Options) -> Option<Connection> {
    options.hurried(PATIENCE).connect().ok()
}

fn devices(options: Options) -> Vec<String> {
    let names = connect(options).and_then(|mut connection| {
        let names = super::get::names(&mut connection).ok();
        connection.close();
        names
    });
    names.unwrap_or_default()
}

fn actions(options: Options, device: &str) -> Vec<String> {
    let about = connect(options).and_then(|mut connection| {
        let about = connection.ask(&Request::new("DESCRIBE").with("DEVICE", device)).ok();
        connection.close();
        about
    });
    about.map(|about| about.list("ACTIONS")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (last, before) = words.split_last().expect("one word at least");
        candidates(before, last).into_iter().filter(|candidate| candidate.starts_with(last)).collect()
    }

    #[test]
    fn words_options_and_values_are_completed_without_a_gatekeeper() {
        assert_eq!(complete("wa"), ["watch"]);
        assert_eq!(complete("logs --le"), ["--level"]);
        assert_eq!(complete("logs --level w"), ["warn"]);
        assert_eq!(complete("get --c"), ["--ca", "--certificate", "--client"]);
        assert_eq!(complete("completion z"), ["zsh"]);
        assert_eq!(complete("user li"), ["list"]);
        assert_eq!(complete("set led o"), ["on", "off"]);
        assert_eq!(complete("set --token 7 led t"), ["toggle"]);
        assert!(complete("get --ca ").is_empty() && complete("nonsense ").is_empty());
    }

    #[test]
    fn every_option_that_is_offered_is_in_the_help() {
        for (word, options) in WORDS {
            for option in options.iter().chain([&word]) {
                let help = format!("{}{}", crate::HELP, crate::client::HELP);
                assert!(help.contains(option), "{option}");
            }
        }
    }
}
