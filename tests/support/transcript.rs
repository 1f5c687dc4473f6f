//! The transcripts in `protocol.md`: read out of the document, and compared with what a server really says.
//!
//! A transcript is a fenced block with the info string `transcript`.  Its lines begin with `C: ` (the client sends the
//! rest and a line feed) or `S: ` (the server's next line is the rest).  In an expected line `<any>`, or `...` within
//! a value, stands for any text without `|`; `...` as a whole field stands for any number of fields, also none.

/// One whole connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// The line of the document on which its first step stands, counted from 1.
    pub(crate) line: usize,
    /// What is said, in order.
    pub(crate) steps: Vec<Step>,
}

/// One line of a connection, without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client sends this.
    Client(String),
    /// The server's next line is like this.
    Server(String),
}

/// Every transcript of a document in Markdown, or the number of the line that is wrong and why.
pub(crate) fn transcripts(markdown: &str) -> Result<Vec<Transcript>, String> {
    let mut found: Vec<Transcript> = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in (1..).zip(markdown.lines()) {
        match (fence, line.strip_prefix("```")) {
            (None, Some(info)) => {
                fence = Some(info.trim());
                if info.trim() == "transcript" {
                    found.push(Transcript { line: number + 1, steps: Vec::new() });
                }
            }
            (Some(_), Some(_)) => fence = None,
            (Some("transcript"), None) => {
                let step = match line.split_once(": ") {
                    Some(("C", text)) => Step::Client(text.to_owned()),
                    Some(("S", text)) => Step::Server(text.to_owned()),
                    _ => return Err(format!("line {number}: a step begins with \"C: \" or \"S: \": {line}")),
                };
                found.last_mut().ok_or("no transcript is open")?.steps.push(step);
            }
            _ => {}
        }
    }
    match fence {
        Some(info) => Err(format!("the block {info:?} has no end")),
        None => Ok(found),
    }
}

/// Whether the line that came is the one that was expected; otherwise the field that differs.
pub(crate) fn compare(expected: &str, actual: &str) -> Result<(), String> {
    let actual = actual.trim_end_matches(['\r', '\n']);
    let (wanted, came): (Vec<_>, Vec<_>) = (expected.split('|').collect(), actual.split('|').collect());
    compare_fields(&wanted, &came).map_err(|why| format!("{why}\n expected: {expected}\n came:     {actual}"))
}

fn compare_fields(wanted: &[&str], came: &[&str]) -> Result<(), String> {
    match (wanted, came) {
        ([], []) => Ok(()),
        (["...", wanted @ ..], _) => (0..=came.len())
            .find_map(|skipped| compare_fields(wanted, &came[skipped..]).ok())
            .ok_or_else(|| format!("after ... {wanted:?} does not follow")),
        ([field, wanted @ ..], [other, came @ ..]) if text_fits(field, other) => compare_fields(wanted, came),
        ([field, ..], [other, ..]) => Err(format!("{other:?} came in the place of {field:?}")),
        ([field, ..], []) => Err(format!("{field:?} did not come")),
        ([], [other, ..]) => Err(format!("{other:?} was not expected")),
    }
}

/// Whether `text` is `pattern`, with any text in the place of each `<any>` and `...`.
fn text_fits(pattern: &str, text: &str) -> bool {
    let pattern = pattern.replace("<any>", "...");
    let Some((first, rest)) = pattern.split_once("...") else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = rest.split("...").collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}
