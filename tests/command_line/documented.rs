//! What the documents and `--help` say of the exit statuses is what the program does.

use gpio_gatekeeper::client::exit_status;
use gpio_gatekeeper::domain::Code;

use super::Caller;

#[test]
fn every_code_has_its_exit_status_in_the_table() {
    let document = include_str!("../../protocol.md");
    let (_, chapter) = document.split_once("\n## Refusal codes\n").expect("there is such a chapter");
    let table = chapter.split("\n## ").next().expect("the chapter");
    for code in Code::ALL {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{}` |", code.as_str())));
        let cells: Vec<&str> =
            row.expect("a row").split(" | ").map(|cell| cell.trim_matches([' ', '|'])).collect();
        assert_eq!(cells.last(), Some(&&*exit_status(code).to_string()), "{row:?}");
    }
}

#[test]
fn help_tells_every_status() {
    let caller = Caller::of("line://127.0.0.1:1");
    for word in ["get", "set", "do", "watch", "lease", "send", "publish", "logs", "completion"] {
        let help = caller.says(&[word, "--help"]);
        for code in Code::ALL {
            assert!(help.contains(&format!("{} {}", exit_status(code), code.as_str())), "{}", code.as_str());
        }
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    }
}
