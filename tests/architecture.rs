//! The structure that the project promised itself: who may import whom, how long a file may be, and that each one
//! says what it is.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom, beside itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("wire", &[]),
    ("net", &[]),
    ("auth", &["domain"]),
    ("hardware", &["domain"]),
    ("config", &["domain"]),
    ("control", &["domain", "hardware"]),
    ("client", &["domain", "wire", "net"]),
    ("gateway", &["domain", "wire", "net", "auth", "control"]),
    ("daemon", &["domain", "wire", "net", "auth", "hardware", "config", "control", "gateway"]),
    ("main", &["domain", "auth", "config", "daemon", "client", "net"]),
];

const LONGEST_FILE: usize = 500;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                // What was built there is not ours.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The first level of a source file below `src`: `gateway` for `src/gateway/line/mod.rs`.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let first = below.iter().next().and_then(|first| first.to_str()).expect("a name");
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a text names after `crate::` or the name of the library.
fn uses(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut used = Vec::new();
    for start in ["crate::", "gpio_gatekeeper::"] {
        for piece in code.split(start).skip(1) {
            let names = match piece.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
                None => vec![piece],
            };
            for name in names {
                let name =
                    name.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                used.push(name.to_owned());
            }
        }
    }
    used
}

#[test]
fn everybody_uses_only_whom_they_may() {
    let known: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    for (path, text) in sources("src") {
        let module = module(&path);
        if module == "lib" {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
        let allowed =
            allowed.unwrap_or_else(|| panic!("{}: {module} has no place in the map", path.display()));
        for used in uses(&text) {
            let fine = used == module || allowed.contains(&used.as_str()) || !known.contains(&used.as_str());
            assert!(fine, "{}: {module} may not use {used}", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    for (path, text) in ["src", "tests", "benches"].into_iter().flat_map(sources) {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines; split it by concept", path.display());
        assert!(text.starts_with("//!"), "{} does not begin with its //! paragraph", path.display());
    }
}

/// Waiting a while is not waiting for something, and the oldest Rust that is supported has no let chains.
#[test]
fn nothing_sleeps_and_nothing_is_too_new() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        if path.ends_with("architecture.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            assert!(!line.contains("thread::sleep"), "{place}: sleeps");
            let condition = line.trim_start().starts_with("if ") || line.contains(" if let ");
            let chained =
                condition && (line.contains("&& let ") || line.contains("if let") && line.contains(" && "));
            assert!(!chained || line.contains('"') || line.contains("=>"), "{place}: a let chain");
        }
    }
}

/// The decision which unsafe code there may be is made in one place.
#[test]
fn one_call_alone_is_unsafe() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("UTF-8");
    assert!(manifest.contains("unsafe_code = \"deny\""));
    let sources = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let this = Path::new(env!("CARGO_MANIFEST_DIR")).join(file!());
    let unsafe_words = |text: &str| text.matches("unsafe").count();
    for (path, text) in sources.filter(|(path, _)| *path != this) {
        let allowed = if path.ends_with("src/daemon/memory.rs") { 3 } else { 0 };
        assert_eq!(unsafe_words(&text), allowed, "{}", path.display());
    }
}
