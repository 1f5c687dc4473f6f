//! `docs/security.md` promises nothing that is not tested: the tests it names are there, and so is every file.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../docs/security.md");

fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file that the document names, and what is to be in it: a test's function, or a text in quotation marks.
#[derive(Debug, PartialEq, Eq)]
struct Evidence<'a> {
    file: &'a str,
    name: Option<&'a str>,
}

/// What a text names in backquotes that is in one of the project's folders.
fn evidence(text: &str) -> Vec<Evidence<'_>> {
    let spans = text.split('`').skip(1).step_by(2);
    let ours = spans
        .filter(|span| ["src/", "tests/", "benches/", "docs/"].iter().any(|folder| span.starts_with(folder)));
    ours.map(|span| match span.split_once(": ") {
        Some((file, name)) => Evidence { file, name: Some(name) },
        None => Evidence { file: span, name: None },
    })
    .collect()
}

/// Whether a source has this function, marked as a test.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let begins = format!("fn {name}(");
    let at = lines.iter().position(|line| line.starts_with(&begins));
    at.is_some_and(|at| {
        lines[..at].iter().rev().take_while(|line| line.starts_with('#')).any(|l| *l == "#[test]")
    })
}

/// Why this is no evidence.
fn objection(Evidence { file, name }: &Evidence<'_>) -> Option<String> {
    let Ok(source) = fs::read_to_string(of_project(file)) else { return Some(format!("there is no {file}")) };
    let name = (*name)?;
    let is_there = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(_) => source.contains(name),
        None => has_test(&source, name),
    };
    (!is_there).then(|| format!("{file} has no {name}"))
}

/// The numbered promises, each with its number.
fn promises(document: &str) -> Vec<(usize, &str)> {
    let chapter = document.split("\n## What is promised\n").nth(1).unwrap_or_default();
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let begins =
        |line: &str| line.trim_start().split_once(". **").and_then(|(number, _)| number.parse().ok());
    let mut all: Vec<(usize, usize)> = Vec::new();
    let mut place = 0;
    for line in chapter.split_inclusive('\n') {
        all.extend(begins(line).map(|number: usize| (number, place)));
        place += line.len();
    }
    let ends = all.iter().skip(1).map(|(_, begin)| *begin).chain([chapter.len()]);
    all.iter().zip(ends).map(|((number, begin), end)| (*number, &chapter[*begin..end])).collect()
}

/// As the sites that show Markdown make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Where the links of a document lead that lead to no other machine: a file and a heading, or one of them.
fn links(document: &str) -> Vec<(&str, &str)> {
    // What stands between two fences is code.
    let texts = document.split("\n```").step_by(2);
    let targets = texts.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    let ours = targets.filter(|target| !target.contains("://"));
    ours.map(|target| target.split_once('#').unwrap_or((target, ""))).collect()
}

#[test]
fn whatever_is_named_is_there() {
    let objections: Vec<String> = evidence(DOCUMENT).iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{objections:#?}");
}

#[test]
fn every_promise_is_numbered_and_names_a_test() {
    let promises = promises(DOCUMENT);
    assert!(promises.len() > 10, "{promises:?}");
    for (index, (number, promise)) in promises.iter().enumerate() {
        assert_eq!(*number, index + 1, "{promise}");
        let tested = promise.split("*Tested:*").nth(1).unwrap_or_else(|| panic!("{promise}"));
        let is_test = |evidence: &Evidence<'_>| evidence.name.is_some_and(|name| !name.starts_with('"'));
        assert!(evidence(tested).iter().any(is_test), "{promise}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for (document, folder) in [
        ("README.md", ""),
        ("protocol.md", ""),
        ("docs/security.md", "docs"),
        ("docs/clients.md", "docs"),
        ("esp32-client/README.md", "esp32-client"),
        ("python-client/README.md", "python-client"),
    ] {
        let text = fs::read_to_string(of_project(document)).expect("it is there");
        for (file, heading) in links(&text) {
            let path = if file.is_empty() { of_project(document) } else { of_project(folder).join(file) };
            if heading.is_empty() && path.is_dir() {
                continue;
            }
            let linked =
                fs::read_to_string(&path).unwrap_or_else(|_| panic!("{document}: {}", path.display()));
            let mut headings = linked.lines().filter_map(|line| line.strip_prefix('#'));
            let is_there = headings.any(|text| anchor(text.trim_start_matches('#').trim_start()) == heading);
            assert!(heading.is_empty() || is_there, "{document}: {file}#{heading}");
        }
    }
}

#[test]
fn what_is_not_there_is_found_out() {
    let text =
        "`tests/documents.rs: anchor` `tests/nowhere.rs` `benches/siege/attacks.rs: \"peace and quiet\"`";
    let objections: Vec<_> = evidence(text).iter().filter_map(objection).collect();
    assert_eq!(
        objections,
        [
            "tests/documents.rs has no anchor",
            "there is no tests/nowhere.rs",
            "benches/siege/attacks.rs has no \"peace and quiet\"",
        ]
    );
    assert_eq!(objection(&evidence("`tests/documents.rs: what_is_not_there_is_found_out`")[0]), None);
    let broken =
        "x\n## What is promised\n\n1. **A** *Tested:* `tests/a.rs: b`\n3. **C**\n\n## More\n2. **D**\n";
    assert_eq!(promises(broken).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(anchor("What it does *not* do"), "what-it-does-not-do");
}
