//! The lives of the daemon: each begins with everything off, and one that ends in order ends so, too.

use super::super::devices;
use super::super::house::End;
use super::super::journal::What;
use super::{Index, Report};

pub fn judge(index: &Index<'_>, report: &mut Report) {
    for (number, life) in index.case.lives.iter().enumerate() {
        for device in 0..devices::COUNT {
            let name = devices::name(device);
            let entries = index.case.entries.iter().filter(|e| e.life == number && e.device == device);
            let (mut first, mut last) = (None, None);
            for entry in entries {
                first.get_or_insert(entry.what);
                last = Some(entry.what);
            }
            if first != Some(What::Taken(0)) {
                report.break_promise(format!("{name} is not off as life {number} begins: {first:?}"));
            }
            if life.end == End::Stopped && last != Some(What::Written(0)) {
                report.break_promise(format!("{name} is not off as life {number} ends in order: {last:?}"));
            }
        }
    }
}
