//! One example configuration for each kind of device, in `docs/examples`: what it says works, on simulated hardware.

mod support;
#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gpio_gatekeeper::control::devices;
use support::Gatekeeper;
use support::line::LineClient;
use transcript::{Step, compare, transcripts};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples")
}

/// The path of each example, and what it says.
fn examples() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder()).expect("it is there").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("UTF-8"))).collect()
}

#[test]
fn every_kind_has_an_example_that_uses_it() {
    for kind in devices::KINDS {
        let path = folder().join(format!("{}.jsonc", kind.name));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(&format!("\"{}\": {{", kind.name)), "{} has no device of it", path.display());
        assert!(text.starts_with("// "), "{} does not say what it is", path.display());
    }
}

#[test]
fn check_accepts_every_example() {
    for (path, _) in examples() {
        let check = Command::new(env!("CARGO_BIN_EXE_gpio-gatekeeper")).arg("check").arg(&path).output();
        let check = check.expect("it runs");
        let said = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{}: {said}", path.display());
    }
}

/// Each is tried as it says itself, in lines such as `// C: |START|...|END|`, on a daemon of its own.
#[test]
fn what_an_example_tries_goes_as_it_says() {
    let wrong: Vec<String> = examples().iter().filter_map(|(path, text)| play(path, text).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn play(path: &Path, text: &str) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let steps: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("// "))
        .filter(|line| line.starts_with("C: ") || line.starts_with("S: "))
        .collect();
    if !steps.iter().any(|step| step.starts_with("S: ")) {
        return Err(format!("{name} does not say how to try it"));
    }
    let block = format!("```transcript\n{}\n```\n", steps.join("\n"));
    let gatekeeper = Gatekeeper::configured(text);
    let mut client = LineClient::connect(gatekeeper.line());
    for step in transcripts(&block)?.iter().flat_map(|transcript| &transcript.steps) {
        match step {
            Step::Client(text) => client.raw(format!("{text}\n").as_bytes()),
            Step::Server(expected) => {
                let came = client.next().ok_or(format!("{name}: the connection has ended"))?;
                compare(expected, &format!("|START|{came}|END|")).map_err(|why| format!("{name}: {why}"))?;
            }
        }
    }
    Ok(())
}
