//! The thread of each bus: it waits for what it is asked, and for the time that a part needs.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::warn;

use super::{Bus, Buses, Placed, Reading};

/// Where readings go.  It is called on the thread of a bus and does not wait.
pub type ReadingSink = Arc<dyn Fn(Reading) + Send + Sync>;

/// All buses that have sensors, each with its thread.
pub struct BusThreads {
    buses: Vec<BusThread>,
    /// The place in `buses` of each sensor.
    places: HashMap<usize, usize>,
}

struct BusThread {
    name: String,
    orders: Sender<Order>,
    /// Disconnected when the thread has nothing more to do.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

enum Order {
    Read(usize),
    Stop,
}

/// How long a stop waits for all buses together.  The kernel may keep a thread in a transfer for seconds, or for ever.
const STOP: Duration = Duration::from_millis(200);

impl BusThreads {
    /// Starts a thread for each bus, which has its name.
    pub fn start(placed: Vec<Placed>, buses: &Arc<dyn Buses>, sink: &ReadingSink) -> io::Result<BusThreads> {
        let mut threads = BusThreads { buses: Vec::new(), places: HashMap::new() };
        for (name, bus) in Bus::all(placed) {
            threads.places.extend(bus.sensors().map(|sensor| (sensor, threads.buses.len())));
            threads.buses.push(BusThread::start(name, bus, buses.clone(), sink.clone())?);
        }
        Ok(threads)
    }

    /// Asks for a reading of a sensor.
    pub fn ask(&self, sensor: usize) {
        if let Some(bus) = self.places.get(&sensor).and_then(|place| self.buses.get(*place)) {
            // A thread that has ended answers nothing, which its sensors tell when they are stale.
            let _ = bus.orders.send(Order::Read(sensor));
        }
    }

    /// Ends them.  One that is stuck in a transfer is not waited for; it ends when the kernel lets it, or with the
    /// process.
    pub fn stop(self) {
        for bus in &self.buses {
            let _ = bus.orders.send(Order::Stop);
        }
        let until = Instant::now() + STOP;
        for bus in self.buses {
            match bus.ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => warn!("bus {} is stuck: it is left alone", bus.name),
                Ok(()) | Err(RecvTimeoutError::Disconnected) => drop(bus.thread.join()),
            }
        }
    }
}

impl BusThread {
    fn start(name: String, bus: Bus, buses: Arc<dyn Buses>, sink: ReadingSink) -> io::Result<BusThread> {
        let (orders, inbox) = channel();
        let (alive, ended) = channel();
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
            live(bus, &inbox, buses.as_ref(), &sink);
            drop::<Sender<()>>(alive);
        })?;
        Ok(BusThread { name, orders, ended, thread })
    }
}

fn live(mut bus: Bus, inbox: &Receiver<Order>, buses: &dyn Buses, sink: &ReadingSink) {
    loop {
        let now = Instant::now();
        let order = match bus.due(now) {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => inbox.recv_timeout(due.saturating_duration_since(now)),
        };
        match order {
            Ok(Order::Read(sensor)) => bus.ask(sensor),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Some(reading) = bus.step(buses, Instant::now) {
            sink(reading);
        }
    }
}
