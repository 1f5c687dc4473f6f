//! Commands that come too late do nothing.

use super::support::Gatekeeper;
use super::support::line::LineClient;

#[test]
fn a_command_whose_time_has_passed_does_nothing() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    let soon = gpio_gatekeeper::control::Now::read().epoch + 3600.0;
    for late in ["NOT_AFTER=1790000.5", "TTL=0s", &format!("TTL=0s|NOT_AFTER={soon}")] {
        client.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|{late}"), "CODE=EXPIRED");
        client.expect(&format!("COMMAND=DO|DEVICE=led|ACTION=on|{late}"), "CODE=EXPIRED");
    }
    client.expect("COMMAND=GET|DEVICE=led", "VALUE=0|SEQ=1");
    client.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|TTL=1h|NOT_AFTER={soon}"), "VALUE=1");
}

#[test]
fn a_command_from_before_a_lease_of_another_does_nothing_after_it() {
    let gatekeeper = Gatekeeper::start();
    let [mut first, mut second] = [0, 1].map(|_| LineClient::patient(gatekeeper.line()));
    let reply = first.ask("COMMAND=LEASE|DEVICE=led");
    let token = LineClient::field(&reply, "TOKEN").expect("a token");
    first.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    let reply = second.ask("COMMAND=LEASE|DEVICE=led");
    let newer = LineClient::field(&reply, "TOKEN").expect("a token");
    for late in [String::new(), format!("|TOKEN={token}")] {
        first.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON{late}"), "CODE=HELD");
    }
    second.expect(&format!("COMMAND=RELEASE|TOKEN={newer}"), "REPLY=OK");
    first.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|TOKEN={token}"), "CODE=STALE_TOKEN");
    first.expect("COMMAND=GET|DEVICE=led", "VALUE=0|SEQ=1");
}
