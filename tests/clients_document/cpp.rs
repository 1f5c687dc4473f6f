//! The snippets in C++: each in a sketch that is built for this machine by the microcontroller lab.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::process::Process;
use crate::support::skipped;
use crate::{Place, Proof, Snippet, TASKS, Task};

/// How long a compiler may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The snippets as programs.
pub(crate) struct Sketches {
    folder: TempDir,
}

impl Sketches {
    /// Builds them, if there is a compiler, and Arduino's own classes.
    pub(crate) fn build(snippets: &[Snippet<'_>]) -> Option<Sketches> {
        let missing = esp_lab(&["missing", "host"]);
        if !missing.is_empty() {
            skipped(&format!("the microcontroller lab needs {missing} (tests/esp-lab/README.md)"));
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let of = |task: &Task| {
            let found = snippets.iter().find(|it| (it.heading, it.way) == (task.heading, "cpp"));
            found.unwrap_or_else(|| panic!("{}: cpp", task.heading)).text
        };
        let (wholes, parts) =
            TASKS.iter().partition::<Vec<_>, _>(|task| matches!(task.proof, Proof::SignsIn));
        let sketches = Sketches { folder };
        sketches.compile("parts", &parts_sketch(&parts.iter().map(|task| of(task)).collect::<Vec<_>>()));
        sketches.compile("whole", &whole_sketch(of(wholes[0])));
        Some(sketches)
    }

    fn compile(&self, name: &str, sketch: &str) {
        let file = self.folder.path().join(format!("{name}.ino"));
        fs::write(&file, sketch).expect("writable");
        let [library, output] = [in_project("esp32-client"), self.folder.path().join(name)];
        let words = ["build", "host", text(&file), "--library", text(&library), "--output", text(&output)];
        esp_lab(&words);
    }

    /// The command that runs the snippet of a task.
    pub(crate) fn command(&self, place: &Place, task: &Task) -> Command {
        let number = TASKS.iter().position(|other| other.heading == task.heading).expect("one of them");
        let name = if matches!(task.proof, Proof::SignsIn) { "whole" } else { "parts" };
        let mut command = Command::new(in_project("tests/esp-lab/esp-lab"));
        let address = place.gatekeeper.line().to_string();
        command.args(["run", "host", text(&self.folder.path().join(name)), &address]);
        command.env("SKETCH_TASK", number.to_string());
        command.env("SKETCH_GOES_ON", if matches!(task.proof, Proof::TellsOfTheButton) { "1" } else { "" });
        if name == "whole" {
            command.env("SKETCH_TLS", format!("localhost:{}", place.gatekeeper.line_tls().port()));
        }
        command
    }
}

/// A sketch that does one of these when it is connected, and ends when all of that is answered.
fn parts_sketch(parts: &[&str]) -> String {
    let mut sketch = "#include \"sketch.h\"\nGatekeeperClient gate(net, \"docs\");\n".to_owned();
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
    format!("#include \"sketch.h\"\n{SECRETS}{names}{snippet}\n#undef setup\n#undef loop\n{WHOLE}")
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

fn esp_lab(words: &[&str]) -> String {
    let mut command = Command::new(in_project("tests/esp-lab/esp-lab"));
    command.args(words).env("CPATH", in_project("tests/clients_document"));
    let ended = Process::start(&mut command).end_within(PATIENCE);
    assert!(ended.status.success(), "{words:?}: {}", ended.errors);
    ended.output
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
