//! `docs/clients.md` shows nothing that does not work: each of its snippets is run against the demo, and what it has done
//! or said is looked at.

mod cpp;
#[path = "../microcontrollers/lab.rs"]
#[allow(dead_code, reason = "only this machine is built for")]
mod lab;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use cpp::Sketches;
use nix::sys::signal::Signal;
use support::line::LineClient;
use support::process::{Ended, Process};
use support::tls::Authority;
use support::users::{DIGEST, PHC, TOKEN, write_users};
use support::{DEMO_DEVICES, Gatekeeper, programs_are_here};
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../docs/clients.md");

/// One of the ten things that a client does.
struct Task {
    heading: &'static str,
    proof: Proof,
}

/// By what it is seen that a task was done.
enum Proof {
    /// The snippet says all of these.
    Says(&'static [&'static str]),
    /// A `GET` of this device then has these in it, in their order.
    Leaves(&'static str, &'static str),
    /// While it goes on it tells that the button was pressed.
    TellsOfTheButton,
    /// The motor has gone forward and stands still, and the lease of the client is over.
    DrivesTheMotor,
    /// The variable is kept, and the client `panel` has its message.
    TellsOthers,
    /// It has signed in at a gatekeeper that nobody else gets to.
    SignsIn,
}

/// Makes the command that runs a snippet.
type Begin = dyn Fn(&Place, &Task, &str) -> Command;

/// The headings of the document, in its order.
const TASKS: [Task; 10] = [
    Task { heading: "See what there is", proof: Proof::Says(&["led", "relay", "lamp", "button", "motor"]) },
    Task { heading: "Read a device from the hardware", proof: Proof::Says(&["lamp", "0", "off"]) },
    Task { heading: "Switch something on", proof: Proof::Leaves("led", "|VALUE=1|STATE=on|") },
    Task {
        heading: "Set a value, if that is done within two seconds",
        proof: Proof::Leaves("lamp", "|VALUE=0.3|STATE=on|"),
    },
    Task { heading: "Let it blink", proof: Proof::Leaves("led", "|BLINKING=1") },
    Task { heading: "Learn that it was not done", proof: Proof::Says(&["OUT_OF_RANGE"]) },
    Task { heading: "Watch a button", proof: Proof::TellsOfTheButton },
    Task { heading: "Drive a motor that nobody else may drive meanwhile", proof: Proof::DrivesTheMotor },
    Task { heading: "Tell others something", proof: Proof::TellsOthers },
    Task { heading: "Sign in over TLS", proof: Proof::SignsIn },
];

/// A block of code of the document.
#[derive(Debug, PartialEq, Eq)]
struct Snippet<'a> {
    heading: &'a str,
    /// What stands behind the language, such as `netcat`; for Python and C++ the language.
    way: &'a str,
    text: &'a str,
}

/// The blocks below the numbered headings.
fn snippets(document: &str) -> Vec<Snippet<'_>> {
    let tasks = document.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    tasks
        .flat_map(|(heading, section)| {
            let heading = heading.split_once(". ").map_or(heading, |(_, heading)| heading);
            section.split("\n```").skip(1).step_by(2).filter_map(move |block| {
                let (language, text) = block.split_once('\n')?;
                Some(Snippet { heading, way: language.strip_prefix("sh ").unwrap_or(language), text })
            })
        })
        .collect()
}

/// A gatekeeper with the demo's devices, and a folder in which snippets are run.
struct Place {
    gatekeeper: Gatekeeper,
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { gatekeeper: Gatekeeper::demo(), folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// One that takes nobody but anna, and has listeners for TLS.
    fn guarded(authority: &Authority, password: &str, token: &str) -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name| folder.path().join(name);
        let secrets = format!(r#""password": "{PHC}", "tokens": [{{"sha256": "{DIGEST}"}}]"#);
        write_users(&file("users.json"), &format!(r#""anna": {{"role": "operator", {secrets}}}"#));
        fs::write(file("token"), token).expect("writable");
        fs::write(file("certificate.pem"), authority.certificate()).expect("writable");
        fs::write(file("password"), password).expect("writable");
        let sections = format!(r#""users": {:?}, {}"#, file("users.json"), authority.sections(""));
        Place { gatekeeper: Gatekeeper::with(&sections, DEMO_DEVICES), folder }
    }

    /// Runs a snippet, in whose text the ports are those of this gatekeeper.
    fn start(&self, task: &Task, begin: &Begin, text: &str) -> Process {
        let [line, mqtt] = [self.gatekeeper.line(), self.gatekeeper.mqtt()].map(|address| address.port());
        let mut text = text.replace("127.0.0.1 7070", &format!("127.0.0.1 {line}"));
        if text.contains("raspberrypi.local") {
            let [line, mqtt] = [self.gatekeeper.line_tls(), self.gatekeeper.mqtt_tls()].map(|to| to.port());
            text = text.replace("raspberrypi.local:7071", &format!("localhost:{line}"));
            text = text.replace("anna@raspberrypi.local", &format!("anna@localhost:{line}"));
            text = text.replace("8883", &mqtt.to_string()).replace("raspberrypi.local", "localhost");
        } else {
            for client in ["sub", "pub", "rr"] {
                let address = format!("mosquitto_{client} -h 127.0.0.1 -p {mqtt} ");
                text = text.replace(&format!("mosquitto_{client} "), &address);
            }
        }
        let command = &mut begin(self, task, &text);
        command.current_dir(self.folder.path()).env("GATEKEEPER_URL", format!("line://127.0.0.1:{line}"));
        Process::start(command)
    }

    /// Somebody else, who looks on.
    fn witness(&self, name: &str) -> LineClient {
        let mut witness = LineClient::connect(self.gatekeeper.line());
        witness.expect(&format!("COMMAND=HELLO|CLIENT={name}|KEEPALIVE=10min"), "REPLY=OK");
        witness
    }

    /// Runs a snippet, and looks whether it has done its task.
    fn prove(&self, task: &Task, begin: &Begin, text: &str) {
        let start = || self.start(task, begin, text);
        let heading = task.heading;
        match &task.proof {
            Proof::Says(wanted) => {
                let said = start().end();
                let text = format!("{}{}", said.output, said.errors);
                assert!(wanted.iter().all(|word| text.contains(word)), "{heading}: {said:?}");
            }
            Proof::Leaves(device, state) => {
                let said = finished(heading, start());
                let found = self.witness("witness").ask(&format!("COMMAND=GET|DEVICE={device}"));
                assert!(found.contains(state), "{heading}: {found}, and it said {said:?}");
            }
            Proof::TellsOfTheButton => {
                let mut snippet = start();
                snippet.line_with("released");
                self.witness("witness").ask("COMMAND=DO|DEVICE=button|ACTION=press");
                snippet.line_with("pressed");
                snippet.signal(Signal::SIGTERM);
                snippet.end();
            }
            Proof::DrivesTheMotor => {
                let mut witness = self.witness("witness");
                witness.send("COMMAND=SUB|DEVICE=motor");
                witness.event("EVENT=STATE|DEVICE=motor");
                let snippet = start();
                let state = witness.event("EVENT=STATE|DEVICE=motor");
                assert!(state.contains("|STATE=forward|"), "{heading}: {state}");
                witness.expect("COMMAND=DO|DEVICE=motor|ACTION=stop", "REPLY=ERROR|CODE=HELD");
                let state = witness.event("EVENT=STATE|DEVICE=motor");
                assert!(state.contains("|STATE=stopped|"), "{heading}: {state}");
                finished(heading, snippet);
                witness.expect("COMMAND=LEASE|DEVICE=motor|WAIT=10s", "REPLY=OK");
            }
            Proof::TellsOthers => {
                let mut panel = self.witness("panel");
                finished(heading, start());
                let message = panel.event("EVENT=MESSAGE");
                assert!(message.contains("|VALUE=warm|"), "{heading}: {message}");
                panel.send("COMMAND=SUB|VAR=setpoint");
                let kept = panel.event("EVENT=MESSAGE|VAR=setpoint");
                assert!(kept.contains("|VALUE=21.5|") && kept.contains("|RETAINED=1"), "{heading}: {kept}");
            }
            Proof::SignsIn => {
                let authority = Authority::new();
                let [right, wrong] = [("password", TOKEN), ("guess", "gk_guess")].map(|(password, token)| {
                    Place::guarded(&authority, password, token).start(task, begin, text).end()
                });
                // The role of the user, the state of the gatekeeper, or that of a device.
                let is_in = |said: &Ended| ["anna", "online", "lamp"].iter().any(|w| said.output.contains(w));
                assert!(is_in(&right) && !is_in(&wrong), "{heading}: {right:?}, and {wrong:?}");
            }
        }
    }
}

/// What a snippet said that has done its task and ended well.
fn finished(heading: &str, snippet: Process) -> Ended {
    let said = snippet.end();
    assert_eq!(said.code(), Some(0), "{heading}: {said:?}");
    said
}

fn python(_: &Place, _: &Task, text: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-B", "-c", text]);
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/python-client/src"));
    command
}

fn shell(_: &Place, _: &Task, text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

/// A shell that finds the program.
fn terminal(_: &Place, _: &Task, text: &str) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_gpio-gatekeeper")).parent().expect("it is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(folder.into()).chain(std::env::split_paths(&path)));
    let mut command = Command::new("sh");
    command.args(["-c", text]).env("PATH", path.expect("paths"));
    command
}

/// Runs all that the document shows in one way.
fn run(way: &str, begin: &Begin) {
    let snippets = snippets(DOCUMENT);
    for task in &TASKS {
        let found: Vec<_> = snippets.iter().filter(|s| (s.heading, s.way) == (task.heading, way)).collect();
        assert_eq!(found.len(), 1, "{}: {way}", task.heading);
        Place::new().prove(task, begin, found[0].text);
    }
}

#[test]
fn netcat_does_all_of_it() {
    if programs_are_here(&["nc", "openssl"]) {
        run("netcat", &shell);
    }
}

#[test]
fn mosquittos_clients_do_all_of_it() {
    if programs_are_here(&["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"]) {
        run("mosquitto", &shell);
    }
}

#[test]
fn the_program_itself_does_all_of_it() {
    run("command-line", &terminal);
}

#[test]
fn python_does_all_of_it() {
    if programs_are_here(&["python3"]) {
        run("python", &python);
    }
}

#[test]
fn cpp_does_all_of_it() {
    if let Some(sketches) = Sketches::build(&snippets(DOCUMENT)) {
        run("cpp", &move |place, task, _| sketches.command(place, task));
    }
}
