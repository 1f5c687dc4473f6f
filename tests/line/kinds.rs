//! Kinds of devices in the whole daemon: what crosses threads on its way.

use super::support::Gatekeeper;
use super::support::line::LineClient;

#[test]
fn a_burst_of_pulses_is_counted_to_the_last() {
    let meter = r#"{"devices": {"meter": {"counter": {"line": "GPIO26", "interval": "10ms"}}}}"#;
    let gatekeeper = Gatekeeper::configured(meter);
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=SUB|DEVICE=meter", "REPLY=OK");
    // Far more than may wait for the hardware thread, which gives them itself.
    line.send("COMMAND=DO|DEVICE=meter|ACTION=pulse|N=1000");
    let mut told = line.event("EVENT=STATE|");
    while !told.contains("|EDGE_SEQ=1000|") {
        told = line.event("EVENT=STATE|");
    }
    assert!(told.ends_with("|TOTAL=1000|LOST=0"), "{told}");
}
