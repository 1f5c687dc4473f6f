//! What protocol.md says about HTTP is what is there.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::support::Gatekeeper;
use super::support::http::get;

const DOCUMENT: &str = include_str!("../../protocol.md");

/// The text from this heading to the next one.
fn chapter(heading: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(heading).expect("there is such a heading");
    rest.split("\n## ").next().and_then(|rest| rest.split("\n### ").next()).unwrap_or(rest)
}

#[test]
fn health_has_the_members_that_are_documented() {
    let gatekeeper = Gatekeeper::start();
    let (_, block) = chapter("\n### Health\n").split_once("```json\n").expect("a block of JSON");
    let block = block.split("```").next().expect("its end");
    let members = |text: &str| -> BTreeSet<String> {
        let json: Json = serde_json::from_str(text).expect("JSON");
        json.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(members(&get(gatekeeper.http(), "/health").body), members(block));
}

#[test]
fn every_metric_is_documented_with_its_kind() {
    let gatekeeper = Gatekeeper::start();
    let metrics = get(gatekeeper.http(), "/metrics").body;
    let real: Vec<(&str, &str)> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let told: Vec<(&str, &str)> = chapter("\n### Metrics\n")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect();
    assert_eq!(real, told);
}
