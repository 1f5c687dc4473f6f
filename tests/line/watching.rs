//! Who watches over the gatekeeper hears of leases, of the audit and of the log.

use nix::sys::signal::Signal;

use super::support::line::LineClient;
use super::support::program::{Program, simulated};
use super::support::{DEMO_DEVICES, Gatekeeper};

fn client(gatekeeper: &Gatekeeper, id: &str) -> LineClient {
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect(&format!("COMMAND=HELLO|CLIENT={id}"), "REPLY=OK");
    client
}

#[test]
fn who_holds_what_is_told_at_once_and_on_every_change() {
    let gatekeeper = Gatekeeper::start();
    let (mut panel, mut watcher) = (client(&gatekeeper, "panel"), client(&gatekeeper, "watcher"));
    let reply = panel.ask("COMMAND=LEASE|DEVICE=led,motor|TTL=1h");
    let token = LineClient::field(&reply, "TOKEN").expect("a token");
    watcher.expect("COMMAND=SUB|LEASE=*", "REPLY=OK");
    for device in ["led", "motor"] {
        let told = watcher.receive();
        assert!(told.starts_with(&format!("EVENT=LEASE|DEVICE={device}|HOLDER=panel|SINCE=1")), "{told}");
        assert!(told.contains("|EXPIRES=1") && told.ends_with("|RETAINED=1"), "{told}");
    }
    let mut narrow = client(&gatekeeper, "narrow");
    narrow.expect("COMMAND=SUB|LEASE=motor", "REPLY=OK");
    assert!(narrow.receive().starts_with("EVENT=LEASE|DEVICE=motor|HOLDER=panel|"));
    panel.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    assert_eq!(
        [watcher.receive(), watcher.receive()],
        ["led", "motor"].map(|d| format!("EVENT=LEASE|DEVICE={d}"))
    );
    assert_eq!(narrow.receive(), "EVENT=LEASE|DEVICE=motor");
    narrow.expect("COMMAND=UNSUB|LEASE=motor", "REPLY=OK");
    panel.expect("COMMAND=LEASE|DEVICE=*", "REPLY=OK");
    narrow.send("COMMAND=HELLO!");
    assert_eq!(narrow.receive(), "REPLY=OK", "nothing of what it has unsubscribed");
}

#[test]
fn the_audit_is_told_with_its_refusals() {
    let gatekeeper = Gatekeeper::start();
    let (mut panel, mut watcher) = (client(&gatekeeper, "panel"), client(&gatekeeper, "watcher"));
    watcher.expect("COMMAND=SUB|AUDIT=1", "REPLY=OK");
    panel.expect("COMMAND=SET|DEVICE=lamp|VALUE=0.25", "REPLY=OK");
    panel.expect("COMMAND=SET|DEVICE=lamp|VALUE=2", "CODE=OUT_OF_RANGE");
    panel.expect("COMMAND=LEASE|DEVICE=led|TTL=1h", "REPLY=OK");
    let told = watcher.receive();
    let who = format!("|CLIENT=panel|ADDRESS={}|PROTOCOL=line|", panel.address());
    assert!(told.starts_with("EVENT=AUDIT|TIME=1") && told.contains(&who), "{told}");
    assert!(told.ends_with("|DEVICE=lamp|ACTION=set(0.25)|STATUS=success|OLD=0|NEW=0.25"), "{told}");
    let told = watcher.receive();
    assert!(told.contains("|ACTION=set(2)|STATUS=error|CODE=OUT_OF_RANGE|MESSAGE="), "{told}");
    let told = watcher.receive();
    assert!(told.contains("|DEVICE=led|") && told.contains("|TOKEN=1"), "{told}");
}

/// However much a command says, what the audit tells of it fits into a frame.
#[test]
fn what_is_too_long_for_a_frame_is_cut() {
    let gatekeeper = Gatekeeper::start();
    let (mut panel, mut watcher) = (client(&gatekeeper, "panel"), client(&gatekeeper, "watcher"));
    watcher.expect("COMMAND=SUB|AUDIT=1", "REPLY=OK");
    let steps = ["0.123456789:1234ms,"; 99].concat() + "1:1s";
    panel.expect(&format!("COMMAND=DO|DEVICE=lamp|ACTION=sequence|STEPS={steps}"), "REPLY=OK");
    let told = watcher.receive();
    assert!(told.ends_with("|CUT=1") && told.len() > 1024 && told.len() < 2048, "{told}");
}

#[test]
fn the_log_is_told_from_the_level_that_was_asked_for() {
    let program = Program::start(&simulated("", DEMO_DEVICES));
    let [mut all, mut bad] = [0, 1].map(|_| LineClient::patient(program.line));
    all.expect("COMMAND=SUB|LOG=info", "REPLY=OK");
    bad.expect("COMMAND=SUB|LOG=warn", "REPLY=OK");
    for threshold in ["cool|DEVICE=lamp|MIN=0.5", "dark|DEVICE=lamp|MIN=0.5|SEVERITY=critical"] {
        all.expect(&format!("COMMAND=THRESHOLD|NAME={threshold}"), "REPLY=OK");
    }
    for client in [&mut all, &mut bad] {
        for level in ["warn", "error"] {
            let told = client.event("EVENT=LOG|");
            assert!(told.starts_with(&format!("EVENT=LOG|LEVEL={level}|TARGET=gpio_gatekeeper::")), "{told}");
        }
    }
    bad.expect("COMMAND=UNSUB|LOG=warn", "REPLY=OK");
    program.process.signal(Signal::SIGTERM);
    let told = all.event("EVENT=LOG|LEVEL=info|");
    assert!(told.contains("|MESSAGE=") && told.contains("|TIME=1"), "{told}");
    assert!(bad.event("EVENT=").starts_with("EVENT=CLOSING|"));
}

/// A level of the log and those above it are several subscriptions, of which all are granted or none.
#[test]
fn a_subscription_that_is_refused_leaves_nothing_behind() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"subscriptions": 2},"#, DEMO_DEVICES);
    let mut watcher = client(&gatekeeper, "watcher");
    watcher.expect("COMMAND=SUB|LOG=info", "CODE=LIMIT_REACHED");
    for device in ["led", "lamp"] {
        watcher.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
    }
    watcher.expect("COMMAND=SUB|DEVICE=relay", "CODE=LIMIT_REACHED");
}
