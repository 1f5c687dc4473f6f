//! The holder of the lease, who drives the motor, and the floor beside it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::castle::Gates;
use super::spread::Spread;
use super::support::line::LineClient;

/// Who drives.
pub struct Holder {
    line: LineClient,
    floor: TcpStream,
    driven: u64,
}

/// What commands and the floor took.
pub struct Waits {
    pub holder: Spread,
    pub floor: Spread,
}

/// Between two commands.
const REST: Duration = Duration::from_millis(2);

impl Holder {
    /// Signs in and takes the lease.
    pub fn enter(gates: &Gates) -> Holder {
        let mut line = LineClient::connect(gates.line);
        line.expect(&format!("COMMAND=AUTH|TOKEN={}", gates.token), "REPLY=OK");
        line.expect("COMMAND=HELLO|CLIENT=holder|KEEPALIVE=10min", "REPLY=OK");
        line.expect("COMMAND=LEASE|DEVICE=motor|TTL=1h", "REPLY=OK");
        Holder { line, floor: floor(), driven: 0 }
    }

    /// Drives for so long.
    pub fn drive_for(&mut self, time: Duration) -> Waits {
        let (mut holder, mut floor) = (Vec::new(), Vec::new());
        let until = Instant::now() + time;
        while Instant::now() < until {
            for action in ["forward", "stop"] {
                let began = Instant::now();
                self.line.send(&format!("COMMAND=DO|DEVICE=motor|ACTION={action}"));
                let reply = self.line.reply();
                holder.push(began.elapsed().as_secs_f64() * 1e6);
                assert!(reply.starts_with("REPLY=OK|"), "{reply}");
                self.driven += 1;
                std::thread::sleep(REST);
            }
            let began = Instant::now();
            self.floor.write_all(&[b'x'; 64]).expect("it reads");
            self.floor.read_exact(&mut [0; 64]).expect("it answers");
            floor.push(began.elapsed().as_secs_f64() * 1e6);
            std::thread::sleep(REST);
        }
        Waits { holder: Spread::of(holder), floor: Spread::of(floor) }
    }

    /// How often it was answered.
    pub fn driven(&self) -> u64 {
        self.driven
    }
}

/// A connection to a thread that sends back what it gets.
fn floor() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    stream.set_nodelay(true).expect("no delay");
    let (mut other, _) = listener.accept().expect("a client");
    other.set_nodelay(true).expect("no delay");
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while other.read_exact(&mut buffer).is_ok() && other.write_all(&buffer).is_ok() {}
    });
    stream
}
