//! Reads the golden files of the line protocol; `tests/golden/line/README.md` describes them.

use std::fs;
use std::path::Path;

/// One case of a golden file.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) maximum: Option<usize>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) id: Option<String>,
    /// The kind of each item, and the bytes of a frame.
    pub(crate) items: Vec<(String, Vec<u8>)>,
}

/// Every case of `tests/golden/line/{file}`.
pub(crate) fn cases(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/line").join(file);
    let text = fs::read_to_string(&path).expect("the golden file is there");
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "case" {
            cases.push(Case { name: rest.to_owned(), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with its name");
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "maximum" => case.maximum = Some(rest.parse().expect("a number")),
            "bytes" => case.bytes.extend(unescape(rest)),
            "field" => case.fields.push((first.to_owned(), text_of(second))),
            "id" => case.id = Some(text_of(rest)),
            "item" => case.items.push((first.to_owned(), unescape(second))),
            other => panic!("{file}: no line begins with {other:?}"),
        }
    }
    cases
}

fn text_of(escaped: &str) -> String {
    String::from_utf8(unescape(escaped)).expect("a text is UTF-8")
}

fn unescape(escaped: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, tail) {
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).expect("a hexadecimal digit") as u8;
                (digit(high) << 4 | digit(low), after)
            }
            (b'\\', _) => panic!("an unknown escape in {escaped:?}"),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}
