//! A load on a daemon: clients that go on until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Such clients, each with a thread of its own.
#[derive(Default)]
pub struct Load {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Adds a client that does `turn` again and again.
    pub fn add(&mut self, mut turn: impl FnMut() + Send + 'static) {
        let over = self.over.clone();
        self.threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                turn();
            }
        }));
    }

    /// Waits until every client has done what it began.
    pub fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("the clients are answered");
        }
    }
}
