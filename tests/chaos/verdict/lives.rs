//! The lives of the daemon: each begins with everything off, and one that ends in order ends so, too.

use std::collections::HashMap;

use super::super::devices;
use super::super::house::End;
use super::super::journal::What;
use super::{Index, Report};

pub fn judge(index: &Index<'_>, report: &mut Report) {
    let mut seen: HashMap<(usize, usize), (What, What)> = HashMap::new();
    for entry in &index.case.entries {
        seen.entry((entry.life, entry.device)).or_insert((entry.what, entry.what)).1 = entry.what;
    }
    for (number, life) in index.case.lives.iter().enumerate() {
        for device in 0..devices::COUNT {
            let name = devices::name(device);
            let (first, last) = seen.get(&(number, device)).copied().unzip();
            if first != Some(What::Taken(0)) {
                report.break_promise(format!("{name} is not off as life {number} begins: {first:?}"));
            }
            if life.end == End::Stopped && last != Some(What::Written(0)) {
                report.break_promise(format!("{name} is not off as life {number} ends in order: {last:?}"));
            }
        }
    }
}
