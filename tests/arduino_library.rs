//! The library for microcontrollers, built for this machine: its own tests of codec and engine, and the whole of it, over
//! a network as bad as an Arduino's, against the running daemon and against gatekeepers that misbehave.
//!
//! `esp32-client/extras/tests/talker.cpp` does what it is told on its standard input, and prints what comes of it.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use support::line::LineClient;
use support::process::Process;
use support::users::{DIGEST, TOKEN};
use support::{DEMO_DEVICES, Gatekeeper, PATIENCE, programs_are_here, users};

/// Compilers are slow on a machine that is busy.
const COMPILING: Duration = Duration::from_secs(300);

/// The folder with the programs, which are built once; nothing where there is no compiler.
fn programs() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if !programs_are_here(&["g++", "bash"]) {
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arduino_library");
        std::fs::create_dir_all(&folder).expect("a folder for it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("esp32-client/extras/tests/build");
        let ended = Process::start(Command::new("bash").arg(script).arg(&folder)).end_within(COMPILING);
        assert_eq!(ended.code(), Some(0), "{}", ended.errors);
        Some(folder)
    });
    built.as_deref()
}

/// A board under the id `board`, whose gatekeeper is there.
fn board_with(address: SocketAddr, token: Option<&str>) -> Option<Process> {
    let mut command = Command::new(programs()?.join("talker"));
    command.args([address.ip().to_string(), address.port().to_string(), "board".to_owned()]);
    command.env_remove("GATEKEEPER_TOKEN").envs(token.map(|token| ("GATEKEEPER_TOKEN", token)));
    Some(Process::start_typing(&mut command))
}

fn board(address: SocketAddr) -> Option<Process> {
    board_with(address, None)
}

/// A gatekeeper that does what a test wants.
struct Impostor {
    listener: TcpListener,
}

impl Impostor {
    fn start() -> Impostor {
        Impostor { listener: TcpListener::bind("127.0.0.1:0").expect("a free port") }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// The next connection, which was greeted.
    fn greet(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().expect("somebody comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        assert!(take(&mut stream).contains("COMMAND=HELLO|ID=0|CLIENT=board"));
        stream.write_all(b"|START|REPLY=OK|ID=0|CLIENT=board|END|").expect("it reads");
        stream
    }
}

/// The next frame.
fn take(stream: &mut TcpStream) -> String {
    let mut frame = Vec::new();
    while !frame.ends_with(b"|END|") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a frame comes");
        frame.extend(byte);
    }
    String::from_utf8(frame).expect("UTF-8")
}

#[test]
fn codec_and_engine() {
    let Some(folder) = programs() else { return };
    let ended = Process::start(&mut Command::new(folder.join("host_tests"))).end_within(COMPILING);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.output, ended.errors);
    assert!(ended.output.ends_with(" tests, 0 failures\n"), "{}", ended.output);
}

#[test]
fn a_board_switches_and_sees_what_others_switch() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    board.say("sub led");
    board.line_with("state led off retained");
    board.say("set led ON");
    board.line_with("state led on");
    LineClient::patient(gatekeeper.line()).expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "VALUE=0");
    board.line_with("state led off");
    board.say("set motor TOGGLE");
    board.line_with("refused UNKNOWN_ACTION");
    board.say("do motor backward");
    board.line_with("done");
}

#[test]
fn a_board_hears_variables_and_messages() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    let mut other = LineClient::patient(gatekeeper.line());
    board.say("send board hello");
    board.line_with("message =hello from board");
    board.say("var setpoint");
    other.expect("COMMAND=PUB|VAR=setpoint|VALUE=21 %7C °C|RETAIN=1", "REPLY=OK");
    assert!(board.line_with("message setpoint=").starts_with("message setpoint=21 | °C from line-"));
    other.expect("COMMAND=SUB|VAR=note", "REPLY=OK");
    board.say("pub note 50% | 60%");
    assert!(other.event("EVENT=MESSAGE|VAR=note").contains("VALUE=50%25 %7C 60%25|FROM=board"));
}

#[test]
fn a_lease_is_kept_for_as_long_as_it_is_wanted() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    board.say("lease motor 2000");
    board.line_with("done");
    let mut other = LineClient::patient(gatekeeper.line());
    // Much longer than it lasts without renewals.
    other.expect("COMMAND=LEASE|DEVICE=motor|WAIT=5s", "CODE=HELD");
    board.say("do motor forward");
    board.line_with("done");
    board.say("release motor");
    board.line_with("done");
    other.expect("COMMAND=LEASE|DEVICE=motor", "REPLY=OK");
    board.say("set motor 0");
    board.line_with("refused HELD");
}

#[test]
fn a_broken_lease_is_told() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    board.say("lease * 10000");
    board.line_with("done");
    LineClient::patient(gatekeeper.line()).expect("COMMAND=BREAK|DEVICE=led|REASON=maintenance", "REPLY=OK");
    board.line_with("lease lost BROKEN");
}

#[test]
fn a_lease_outlives_a_lost_connection() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    board.say("lease motor 20000");
    board.line_with("done");
    board.say("drop");
    board.line_with("link lost");
    board.line_with("link ready");
    LineClient::patient(gatekeeper.line()).expect("COMMAND=SET|DEVICE=motor|VALUE=1", "CODE=HELD");
    board.say("set motor 1");
    board.line_with("done");
}

#[test]
fn a_restart_of_the_gatekeeper_is_lived_through() {
    let mut gatekeeper = Gatekeeper::start();
    let address = gatekeeper.line();
    let Some(mut board) = board(address) else { return };
    board.line_with("link ready");
    board.say("sub led");
    board.line_with("state led off retained");
    board.say("lease motor 60000");
    board.line_with("done");
    assert!(gatekeeper.stop());
    board.line_with("link lost STOPPING");
    board.say("set led ON");
    board.line_with("ticket 0");
    let section = format!(r#""line": {{"listen": "{address}"}},"#);
    let again = Gatekeeper::with(&section, DEMO_DEVICES);
    board.line_with("link ready");
    // The board does not ask for it again; what it had asked for before was done once.
    let seen = [board.line(), board.line()].map(|line| line.expect("it goes on"));
    assert!(seen.contains(&"lease lost NO_LEASE".to_owned()), "{seen:?}");
    assert!(seen.contains(&"state led off retained".to_owned()), "{seen:?}");
    drop(again);
}

#[test]
fn readings_wait_until_the_gatekeeper_is_back() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    let mut other = LineClient::patient(gatekeeper.line());
    other.expect("COMMAND=SUB|VAR=temperature", "REPLY=OK");
    other.expect("COMMAND=SUB|VAR=temperature.late", "REPLY=OK");
    board.say("publish temperature 21.5");
    assert!(other.event("EVENT=MESSAGE").starts_with("EVENT=MESSAGE|VAR=temperature|VALUE=21.50|"));
    // All of it at once, so that nothing is sent in between.
    board.say("drop\npublish temperature 22\nskip 60000");
    let late = other.event("EVENT=MESSAGE");
    let value = LineClient::field(&late, "VALUE").expect("it has one");
    assert!(late.starts_with("EVENT=MESSAGE|VAR=temperature.late|VALUE=22.00 6"), "{late}");
    assert!(value.ends_with("ms") && value.len() == "22.00 60123ms".len(), "{late}");
}

#[test]
fn a_flood_of_states_is_survived() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    board.say("sub *");
    board.line_with("state motor stopped retained");
    let mut other = LineClient::patient(gatekeeper.line());
    for _ in 0..200 {
        other.expect("COMMAND=SET|DEVICE=led|VALUE=TOGGLE", "REPLY=OK");
    }
    other.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    board.line_with("state relay on");
    board.say("get led");
    board.line_with("done");
}

#[test]
fn a_token_signs_in_and_a_wrong_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("users.json");
    let user = format!(r#""esp": {{"role": "operator", "tokens": [{{"sha256": "{DIGEST}"}}]}}"#);
    users::write_users(&file, &user);
    let gatekeeper = Gatekeeper::with(&format!(r#""users": "{}","#, file.display()), DEMO_DEVICES);
    let Some(mut right) = board_with(gatekeeper.line(), Some(TOKEN)) else { return };
    right.line_with("link ready");
    right.say("set led ON");
    right.line_with("done");
    let wrong = Some("gk_0123456789abcdef0123456789abcdef01234568");
    let mut wrong = board_with(gatekeeper.line(), wrong).expect("the other one could be started");
    wrong.line_with("link denied ACCESS_DENIED");
}

#[test]
fn who_is_taken_over_stays_away_for_long() {
    let gatekeeper = Gatekeeper::start();
    let Some(mut board) = board(gatekeeper.line()) else { return };
    board.line_with("link ready");
    let mut other = LineClient::patient(gatekeeper.line());
    other.expect("COMMAND=HELLO|CLIENT=board", "REPLY=OK");
    board.line_with("link lost TAKEN_OVER");
    board.say("skip 12000\nset led ON");
    board.line_with("ticket 0");
    board.say("skip 36000");
    board.line_with("link ready");
    assert!(other.event("EVENT=CLOSING").contains("TAKEN_OVER"));
}

#[test]
fn a_command_without_a_reply_is_not_sent_again() {
    let impostor = Impostor::start();
    let Some(mut board) = board(impostor.address()) else { return };
    let mut stream = impostor.greet();
    board.line_with("link ready");
    board.say("set led ON");
    assert_eq!(take(&mut stream), "|START|COMMAND=SET|ID=1|DEVICE=led|VALUE=ON|END|");
    drop(stream);
    board.line_with("outcome 1 lost");
    let mut stream = impostor.greet();
    board.line_with("link ready");
    board.say("get led");
    assert_eq!(take(&mut stream), "|START|COMMAND=GET|ID=2|DEVICE=led|END|");
    board.say("skip 5000");
    board.line_with("outcome 2 timed out");
}

#[test]
fn a_gatekeeper_that_falls_silent_is_left() {
    let impostor = Impostor::start();
    let Some(mut board) = board(impostor.address()) else { return };
    let mut stream = impostor.greet();
    board.line_with("link ready");
    board.say("skip 5000");
    assert_eq!(take(&mut stream), "|START|COMMAND=HELLO!|END|");
    board.say("skip 5000");
    board.line_with("link lost");
    impostor.greet();
    board.line_with("link ready");
}

#[test]
fn garbage_is_survived() {
    let impostor = Impostor::start();
    let Some(mut board) = board(impostor.address()) else { return };
    let mut stream = impostor.greet();
    board.line_with("link ready");
    board.say("get led");
    take(&mut stream);
    let mut garbage = Vec::new();
    let mut random = 1_u32;
    for _ in 0..20_000 {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let byte = random.to_be_bytes()[1];
        match random >> 29 {
            0 => garbage.extend(b"|START|A="),
            _ => garbage.push(byte),
        }
    }
    stream.write_all(&garbage).expect("it reads");
    stream.write_all(b"|START|REPLY=OK|ID=1|VALUE=1|END|").expect("it reads");
    board.line_with("outcome 1 done");
}
