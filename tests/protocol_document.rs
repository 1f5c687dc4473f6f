//! `protocol.md` itself: its transcripts can be read, and its tables are complete.

#[path = "support/transcript.rs"]
mod transcript;

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::wire::line::Frame;
use transcript::{Step, Transcript, compare, transcripts};

const DOCUMENT: &str = include_str!("../protocol.md");
const COMMANDS: [&str; 21] = [
    "HELP",
    "HELLO",
    "HELLO!",
    "AUTH",
    "LIST",
    "DESCRIBE",
    "GET",
    "SET",
    "DO",
    "SUB",
    "UNSUB",
    "PUB",
    "SEND",
    "LEASE",
    "RENEW",
    "RELEASE",
    "BREAK",
    "THRESHOLD",
    "ALERTS",
    "STATUS",
    "QUIT",
];

fn documented() -> Vec<Transcript> {
    transcripts(DOCUMENT).expect("the document's transcripts are well-formed")
}

#[test]
fn every_transcript_is_a_conversation() {
    let all = documented();
    assert!(!all.is_empty());
    for Transcript { line, steps } in &all {
        assert!(matches!(steps.first(), Some(Step::Client(_))), "line {line}: the client begins");
        assert!(matches!(steps.last(), Some(Step::Server(_))), "line {line}: the server has the last word");
    }
}

#[test]
fn every_server_line_is_a_frame() {
    for Transcript { line, steps } in documented() {
        for step in steps {
            let Step::Server(text) = step else { continue };
            let plain = text.replace("|...|", "|");
            let frame = Frame::parse(plain.as_bytes()).unwrap_or_else(|e| panic!("line {line}: {e}: {text}"));
            let first = frame.fields().next().map(|(key, _)| key.to_owned());
            assert!(
                matches!(first.as_deref(), Some("REPLY" | "EVENT")) || plain == "|START|COMMAND=HELLO|END|",
                "line {line}: the first field is REPLY or EVENT: {text}"
            );
            if let Some(code) = frame.get("CODE") {
                assert!(Code::ALL.iter().any(|known| known.as_str() == code), "line {line}: {code}");
            }
        }
    }
}

#[test]
fn every_command_has_its_section_and_is_tried() {
    let transcripts = documented();
    let mut sent =
        transcripts.iter().flat_map(|transcript| &transcript.steps).filter_map(|step| match step {
            Step::Client(text) => Some(text),
            Step::Server(_) => None,
        });
    for command in COMMANDS {
        assert!(DOCUMENT.contains(&format!("\n#### {command}\n")), "{command} has no section");
        let field = format!("|COMMAND={command}|");
        assert!(sent.clone().any(|text| text.contains(&field)), "{command} is in no transcript");
    }
    assert!(sent.any(|text| !text.starts_with('|')), "no transcript shows stray text");
}

#[test]
fn the_table_of_codes_is_the_vocabulary() {
    let table = DOCUMENT.split_once("\n## Refusal codes\n").expect("there is such a chapter").1;
    let table = table.split("\n## ").next().unwrap_or(table);
    let listed: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .collect();
    assert_eq!(listed, Code::ALL.map(Code::as_str));
}

#[test]
fn transcripts_are_found_among_other_blocks() {
    let markdown = "text\n```\nC: not one\n```\n```transcript\nC: a: b\nS: |c|\n```\n```text\nS: no\n```\n";
    let steps = vec![Step::Client("a: b".to_owned()), Step::Server("|c|".to_owned())];
    assert_eq!(transcripts(markdown), Ok(vec![Transcript { line: 6, steps }]));
}

#[test]
fn a_broken_transcript_is_refused() {
    assert!(transcripts("```transcript\nhello\n```\n").is_err_and(|why| why.contains("line 2")));
    assert!(transcripts("```transcript\nC: hello\n").is_err());
}

#[test]
fn a_line_fits_what_was_expected() {
    for (expected, actual) in [
        ("|START|REPLY=OK|END|", "|START|REPLY=OK|END|"),
        ("|START|REPLY=OK|END|", "|START|REPLY=OK|END|\r\n"),
        ("|START|TIME=<any>|END|", "|START|TIME=1.5|END|"),
        ("|START|TIME=<any>|END|", "|START|TIME=|END|"),
        ("|START|NAME=a<any>c|END|", "|START|NAME=abc|END|"),
        ("|START|NAME=a...b...|END|", "|START|NAME=a-b-b-c|END|"),
        ("|START|...|END|", "|START|END|"),
        ("|START|A=1|...|END|", "|START|A=1|B=2|C=3|END|"),
        ("|START|...|C=3|END|", "|START|A=1|B=2|C=3|END|"),
    ] {
        assert_eq!(compare(expected, actual), Ok(()));
    }
}

#[test]
fn a_line_that_differs_is_told_apart() {
    for (expected, actual) in [
        ("|START|REPLY=OK|END|", "|START|REPLY=ERROR|END|"),
        ("|START|REPLY=OK|END|", "|START|REPLY=OK|SEQ=1|END|"),
        ("|START|REPLY=OK|SEQ=1|END|", "|START|REPLY=OK|END|"),
        ("|START|TIME=<any>|END|", "|START|TIME=1|SEQ=2|END|"),
        ("|START|NAME=a<any>c|END|", "|START|NAME=abcd|END|"),
        ("|START|NAME=ab<any>b|END|", "|START|NAME=ab|END|"),
        ("|START|...|C=3|END|", "|START|A=1|B=2|END|"),
    ] {
        assert!(compare(expected, actual).is_err(), "{expected} {actual}");
    }
}
