//! Devices that watch others: a state that is told reaches them as well.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Controller, Now};
use crate::domain::{DeviceName, State};

/// Who watches whom, by their places.
#[derive(Default)]
pub(super) struct Watching {
    watchers: HashMap<usize, Vec<usize>>,
}

impl Watching {
    /// Of the watchers each with the devices that it watches; names that there are not are nobody's.
    pub(super) fn new(plan: &[(usize, Vec<DeviceName>)], by_name: &HashMap<DeviceName, usize>) -> Watching {
        let mut watchers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (watcher, names) in plan {
            for watched in names.iter().filter_map(|name| by_name.get(name)) {
                watchers.entry(*watched).or_default().push(*watcher);
            }
        }
        Watching { watchers }
    }

    fn of(&self, watched: usize) -> Vec<usize> {
        self.watchers.get(&watched).cloned().unwrap_or_default()
    }
}

impl Controller {
    /// Shows every watcher what it watches, as it is at first.
    pub(super) fn begin_watching(&mut self, now: Now) {
        for index in 0..self.stations.len() {
            let state = self.stations[index].told().clone();
            self.show_watchers(index, &state, now);
        }
    }

    /// Shows a new state of a device to those that watch it.  Only outputs are watched and only sensors watch, so this
    /// ends.
    pub(super) fn show_watchers(&mut self, index: usize, state: &Arc<State>, now: Now) {
        for watcher in self.watching.of(index) {
            self.stations[watcher].device.watched(&state.device, state, now.instant);
            self.look(watcher, now);
        }
    }
}
