//! Kinds of devices in the whole daemon: what crosses threads on its way.

use super::support::Gatekeeper;
use super::support::line::LineClient;

#[test]
fn a_burst_of_pulses_is_counted_to_the_last() {
    let gatekeeper = Gatekeeper::configured(r#"{"devices": {"meter": {"counter": {"line": "GPIO26"}}}}"#);
    let mut line = LineClient::connect(gatekeeper.line());
    // Far more than may wait for the hardware thread, which gives them itself.
    line.expect("COMMAND=DO|DEVICE=meter|ACTION=pulse|N=1000", "REPLY=OK");
    let told = line.ask("COMMAND=GET|DEVICE=meter");
    assert!(told.contains("|EDGE_SEQ=1000|TOTAL=1000|LOST=0"), "{told}");
}
