//! Every transcript of `protocol.md`, spoken with a daemon that runs the built-in demo.

mod support;
#[path = "support/transcript.rs"]
mod transcript;

use support::Gatekeeper;
use support::line::LineClient;
use transcript::{Step, Transcript, compare, transcripts};

const DOCUMENT: &str = include_str!("../protocol.md");

#[test]
fn every_transcript_is_what_the_demo_says() {
    let all = transcripts(DOCUMENT).expect("well-formed");
    let wrong: Vec<String> = all.iter().filter_map(|transcript| run(transcript).err()).collect();
    assert!(wrong.is_empty(), "{} of {} transcripts:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// Each has a demo of its own, so that what one did is not what the next begins with.
fn run(Transcript { line, steps }: &Transcript) -> Result<(), String> {
    let gatekeeper = Gatekeeper::demo();
    let mut client = LineClient::connect(gatekeeper.line());
    for (step, place) in steps.iter().zip(*line..) {
        match step {
            Step::Client(text) => client.raw(format!("{text}\n").as_bytes()),
            Step::Server(expected) => {
                let came = client.next().ok_or(format!("protocol.md:{place}: the connection has ended"))?;
                compare(expected, &format!("|START|{came}|END|"))
                    .map_err(|why| format!("protocol.md:{place}: {why}"))?;
            }
        }
    }
    Ok(())
}
