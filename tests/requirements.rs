//! Every numbered statement of MQTT 5.0 that binds a server has a place in the code and a test, and no number is
//! invented.  The list is `golden/mqtt/requirements.txt`.
//!
//! Code and tests name a statement `[MQTT-3.3.2-8]`, several in a row `[MQTT-3.3.2-5..6]`, and in tables of tests
//! `3.3.2-8` alone.  Those of the older version are written `[3.1.1: MQTT-3.1.2-22]`, and do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A statement: its section, and its number there.
type Number = (String, u32);

/// Whom a statement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Server,
    /// The server, with something that is still being built.
    Pending,
    Others,
}

fn list() -> BTreeMap<Number, Bound> {
    let mut list = BTreeMap::new();
    for line in include_str!("golden/mqtt/requirements.txt").lines().filter(|line| !line.starts_with('#')) {
        let (number, bound) = line.split_once(' ').unwrap_or_else(|| panic!("whom does {line} bind?"));
        let found = numbers(number);
        let [number] = &found[..] else { panic!("{line} begins with no number") };
        let bound = match bound {
            "server" => Bound::Server,
            "server pending" => Bound::Pending,
            "client" => Bound::Others,
            other if other.strip_prefix("other: ").is_some_and(|why| !why.is_empty()) => Bound::Others,
            other => panic!("{line}: {other}"),
        };
        assert_eq!(list.insert(number.clone(), bound), None, "{line} stands there twice");
    }
    list
}

/// The statements that a text names.
fn numbers(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let mut rest = text;
    let mut before = String::new();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        before.push_str(&rest[..start]);
        let word = &rest[start..];
        let length = word.find(|c| !is_part(c)).unwrap_or(word.len());
        let older = before.trim_end_matches("MQTT-").ends_with("3.1.1: ");
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
        if !older && !inside {
            found.extend(range(&word[..length]));
        }
        before = rest[..start + length].to_owned();
        rest = &word[length..];
    }
    found
}

/// `3.3.2-5` or `3.3.2-5..6`.
fn range(word: &str) -> Vec<Number> {
    let parse = || -> Option<Vec<Number>> {
        let (section, place) = word.trim_end_matches(['.', '-']).split_once('-')?;
        let levels = section.split('.');
        if levels.clone().count() != 3 || !levels.clone().all(|level| level.parse::<u32>().is_ok()) {
            return None;
        }
        let (first, last) = place.split_once("..").unwrap_or((place, place));
        Some((first.parse().ok()?..=last.parse().ok()?).map(|number| (section.to_owned(), number)).collect())
    };
    parse().unwrap_or_default()
}

/// The statements that the code names, and those that the tests name.
fn named() -> (BTreeSet<Number>, BTreeSet<Number>) {
    let (mut code, mut tests) = (BTreeSet::new(), BTreeSet::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests/requirements.rs")
            {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let is_test = path.iter().any(|part| part == "tests");
                let (of_code, of_tests) = match text.split_once("#[cfg(test)]\nmod tests {") {
                    _ if is_test => ("", &*text),
                    Some(both) => both,
                    None => (&*text, ""),
                };
                code.extend(numbers(of_code));
                tests.extend(numbers(of_tests));
            }
        }
    }
    (code, tests)
}

fn spoken<'a>(numbers: impl Iterator<Item = &'a Number>) -> Vec<String> {
    numbers.map(|(section, number)| format!("{section}-{number}")).collect()
}

#[test]
fn every_statement_that_binds_a_server_is_implemented_and_tested() {
    let (code, tests) = named();
    let list = list();
    let missing = |place: &BTreeSet<Number>| {
        let unnamed =
            |(number, bound): &(&Number, &Bound)| **bound == Bound::Server && !place.contains(number);
        spoken(list.iter().filter(unnamed).map(|(number, _)| number))
    };
    let (unbuilt, untested) = (missing(&code), missing(&tests));
    assert!(unbuilt.is_empty() && untested.is_empty(), "not in src: {unbuilt:?}\nnot in tests: {untested:?}");
}

#[test]
fn no_statement_is_invented() {
    let (code, tests) = named();
    let list = list();
    let invented = code.union(&tests).filter(|number| !list.contains_key(number));
    assert_eq!(spoken(invented), [""; 0]);
}

#[test]
fn the_list_is_whole() {
    let list = list();
    let chapter = |digit: char| list.keys().filter(|(section, _)| section.starts_with(digit)).count();
    assert_eq!(['1', '2', '3', '4', '6'].map(chapter), [5, 7, 175, 60, 4]);
}

#[test]
fn numbers_are_found_as_they_are_written() {
    let number = |section: &str, number| (section.to_owned(), number);
    assert_eq!(numbers("// [MQTT-3.3.2-8]."), [number("3.3.2", 8)]);
    assert_eq!(numbers("(\"3.10.1-1 x\", 127.0.0.1-2)"), [number("3.10.1", 1)]);
    assert_eq!(numbers("[MQTT-4.7.3-9..10]"), [number("4.7.3", 9), number("4.7.3", 10)]);
    assert_eq!(numbers("[3.1.1: MQTT-3.1.2-22] 3.1.1: 3.1.2-22, 1.2-3, v5.0.0-1"), []);
}
