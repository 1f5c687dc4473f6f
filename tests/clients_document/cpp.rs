//! The snippets in C++: each in a sketch that is built for this machine by the microcontroller lab.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::lab::{Firmware, Lab, in_project};
use crate::{Place, Proof, Snippet, TASKS, Task};

/// The snippets as programs.
pub(crate) struct Sketches {
    /// Those that stand in a sketch of the test's.
    parts: Firmware,
    /// The one that is a sketch already.
    whole: Firmware,
}

impl Sketches {
    /// Builds them, if there is a compiler, and Arduino's own classes.
    pub(crate) fn build(snippets: &[Snippet<'_>]) -> Option<Sketches> {
        let lab = Lab::of("host")?;
        let of = |task: &Task| {
            let found = snippets.iter().find(|it| (it.heading, it.way) == (task.heading, "cpp"));
            found.unwrap_or_else(|| panic!("{}: cpp", task.heading)).text
        };
        let (wholes, parts) =
            TASKS.iter().partition::<Vec<_>, _>(|task| matches!(task.proof, Proof::SignsIn));
        let parts = parts_sketch(&parts.iter().map(|task| of(task)).collect::<Vec<_>>());
        Some(Sketches { parts: built(&lab, &parts), whole: built(&lab, &whole_sketch(of(wholes[0]))) })
    }

    /// The command that runs the snippet of a task.
    pub(crate) fn command(&self, place: &Place, task: &Task) -> Command {
        if matches!(task.proof, Proof::SignsIn) {
            let mut command = self.whole.command(place.gatekeeper.line());
            command.env("SKETCH_TLS", format!("localhost:{}", place.gatekeeper.line_tls().port()));
            return command;
        }
        let number = TASKS.iter().position(|other| other.heading == task.heading).expect("one of them");
        let mut command = self.parts.command(place.gatekeeper.line());
        command.env("SKETCH_TASK", number.to_string());
        command.env("SKETCH_GOES_ON", if matches!(task.proof, Proof::TellsOfTheButton) { "1" } else { "" });
        command
    }
}

/// A program for this machine.
fn built(lab: &Lab, sketch: &str) -> Firmware {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("sketch.ino");
    let around = in_project("tests/clients_document/sketch.h");
    fs::write(&file, format!("#include {around:?}\n{sketch}")).expect("writable");
    lab.build(&file)
}

/// A sketch that does one of these when it is connected, and ends when all of that is answered.
fn parts_sketch(parts: &[&str]) -> String {
    let mut sketch = "GatekeeperClient gate(net, \"docs\");\n".to_owned();
    for (number, part) in parts.iter().enumerate() {
        let _ = writeln!(sketch, "static void task{number}() {{\n{part}\n}}");
    }
    let calls: String = (0..parts.len()).map(|number| format!("task{number}, ")).collect();
    let _ = writeln!(sketch, "static void (*const tasks[])() = {{{calls}}};");
    sketch + PARTS
}

/// Leaves when it has done its task, so that everything before is answered.
const PARTS: &str = r#"
static bool hasBegun, hasLeft;
static void linked(const gatekeeper::LinkChange &change) {
  if (change.link != gatekeeper::Link::Ready) labEnd(change.link == gatekeeper::Link::Denied);
}
void setup() { gate.onLink(linked), gate.begin(labHost(), labPort()); }
void loop() {
  gate.poll();
  if (!gate.isReady()) return;
  if (!hasBegun) hasBegun = true, tasks[atoi(getenv("SKETCH_TASK"))]();
  if (!*getenv("SKETCH_GOES_ON") && !hasLeft) hasLeft = gate.command("QUIT").send() != 0;
}
"#;

/// A sketch that is one already: it tells who it is to the gatekeeper.
fn whole_sketch(snippet: &str) -> String {
    let names = "#define setup snippetSetup\n#define loop snippetLoop\n";
    format!("{SECRETS}{names}{snippet}\n#undef setup\n#undef loop\n{WHOLE}")
}

const SECRETS: &str = r#"
static const std::string certificateText = textOf("certificate.pem"), tokenText = textOf("token");
static const char *const certificate = certificateText.c_str(), *const token = tokenText.c_str();
"#;

const WHOLE: &str = r#"
static bool hasAsked;
static void linked(const gatekeeper::LinkChange &change) {
  if (change.link != gatekeeper::Link::Ready) labEnd(1);
}
static void told(const gatekeeper::Outcome &outcome) { console.println(outcome.frame.text("USER")), labEnd(0); }
void setup() { snippetSetup(), gate.onLink(linked), gate.onOutcome(told); }
void loop() {
  snippetLoop();
  if (gate.isReady() && !hasAsked) hasAsked = gate.command("STATUS").send() != 0;
}
"#;
