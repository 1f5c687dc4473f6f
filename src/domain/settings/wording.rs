//! The words of mistakes: what the reader of a file understands, made from what the JSON reader says.

use crate::domain::edit_distance;

/// The message without its place, and with the names of JSON instead of those of Rust.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);

    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("missing {field}, which has no default");
    }
    if let Some(names) = text.strip_prefix("unknown variant ") {
        return with_suggestion("value", names);
    }
    if let Some(names) = text.strip_prefix("unknown field ") {
        return with_suggestion("key", names);
    }
    let wrong = text.strip_prefix("invalid type: ").or(text.strip_prefix("invalid value: "));
    match wrong.and_then(|wrong| wrong.split_once(", expected ").map(|_| wrong)) {
        // The value that was found may hold the word as well; what was expected never holds it twice.
        Some(wrong) => match wrong.rsplit_once(", expected ") {
            Some((found, expected)) => {
                format!("expected {}, found {}", in_json(expected), brief(as_written(found)))
            }
            None => wrong.to_owned(),
        },
        None => text.to_owned(),
    }
}

/// What to say of a name that is none of `known`; `noun` says what it should be the name of.
pub(crate) fn unknown(noun: &str, given: &str, known: &[&str]) -> String {
    let suggestion = nearest(given, known).map(|near| format!(" did you mean `{near}`?")).unwrap_or_default();
    format!("unknown {noun} `{}`,{suggestion} expected {}", shown(given), alternatives(known))
}

/// Of `known`, what `given` may have been meant to be.
pub(super) fn nearest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    if given.len() > LONGEST_COMPARED {
        return None;
    }
    let given = given.to_lowercase();
    let near = known.iter().map(|name| (edit_distance(&given, name), *name));
    near.filter(|(distance, name)| *distance <= (name.len().min(given.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The names as `a`, `b` or `c`.
pub(super) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    listed(&quoted, "or")
}

/// The names as `a`, `b` and `c`.
pub(super) fn all(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    listed(&quoted, "and")
}

/// Text of the file made safe to print: escaped, and cut when it is long.
pub(super) fn shown(text: &str) -> String {
    brief(&text.escape_debug().to_string())
}

fn listed(names: &[String], joint: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// `names` is the unknown name and then those that are known, all in backquotes.
fn with_suggestion(noun: &str, names: &str) -> String {
    let mut quoted = names.split('`').skip(1).step_by(2);
    let given = quoted.next().unwrap_or_default();
    unknown(noun, given, &quoted.collect::<Vec<_>>())
}

/// The name that a type of Rust has for those who write JSON.
fn in_json(expected: &str) -> &str {
    match expected {
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" => "a string in double quotes",
        "a sequence" => "a list in [ ]",
        "a map" => "an object in { }",
        "unit" => "null",
        other if other.starts_with("struct ") => "an object in { }",
        other => other,
    }
}

/// What was found, as the file has it where that is short to say.
fn as_written(found: &str) -> &str {
    let number = ["boolean `", "integer `", "floating point `"];
    if let Some(number) = number.iter().find_map(|noun| found.strip_prefix(noun)) {
        return number.trim_end_matches('`');
    }
    match found {
        "sequence" => "a list",
        "map" => "an object",
        _ => found.strip_prefix("string ").unwrap_or(found),
    }
}

fn brief(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A longer key is no misspelt one.
const LONGEST_COMPARED: usize = 64;

/// More characters of a wrong value than this help nobody.
const LONGEST_SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_near_one() {
        let known = ["line", "chip", "active_low", "on_stop", "initial"];
        assert_eq!(nearest("lnie", &known), Some("line"));
        assert_eq!(nearest("Line", &known), Some("line"));
        assert_eq!(nearest("activelow", &known), Some("active_low"));
        assert_eq!(nearest("onstop", &known), Some("on_stop"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }

    #[test]
    fn messages_speak_json() {
        let of = |text: &str| plain(&serde_json::from_str::<Option<u16>>(text).expect_err(text));
        assert_eq!(of("\"x\""), "expected a whole number that is not negative, found \"x\"");
        assert_eq!(of("-5"), "expected a whole number that is not negative, found -5");
        assert_eq!(
            of("\"a, expected b\""),
            "expected a whole number that is not negative, found \"a, expected b\""
        );
    }
}
