//! What the library may take on a chip: what a sketch that uses it takes, less what one takes that does without it.

use crate::lab::{Firmware, Lab, say, sketch};
use crate::support::Gatekeeper;
use crate::support::line::LineClient;

/// What a firmware takes, or may take, in bytes.
#[derive(Debug, Clone, Copy)]
struct Needs {
    flash: u32,
    ram: u32,
    stack: u32,
}

#[test]
fn a_small_sketch_leaves_room_on_an_atmega328() {
    hold("avr-uno", "Small", Needs { flash: 6 * 1024, ram: 300, stack: 150 });
}

#[test]
fn everything_fits_an_atmega2560() {
    hold("avr-mega", "Everything", Needs { flash: 8 * 1024, ram: 600, stack: 512 });
}

#[test]
fn everything_fits_an_esp8266() {
    hold("lx106", "Everything", Needs { flash: 10 * 1024, ram: 1024, stack: 512 });
}

#[test]
fn everything_fits_an_esp32_c3() {
    hold("rv32", "Everything", Needs { flash: 16 * 1024, ram: 4 * 1024, stack: 1024 });
}

/// Sees that the library, its buffers included, takes no more than its budget.
fn hold(target: &'static str, name: &str, budget: Needs) {
    let Some(lab) = Lab::of(target) else { return };
    let bare = measure(&lab.build_bare());
    let whole = measure(&lab.build(&sketch(name)));
    let library = Needs {
        flash: whole.flash.saturating_sub(bare.flash),
        ram: whole.ram.saturating_sub(bare.ram),
        stack: whole.stack.saturating_sub(bare.stack),
    };
    let row = |what: &str, needs: Needs| {
        format!("{target:9} {what:11} {:6} {:6} {:6}", needs.flash, needs.ram, needs.stack)
    };
    let table = [
        "target    what         flash    RAM  stack".to_owned(),
        row("no library", bare),
        row(name, whole),
        row("library", library),
        row("budget", budget),
    ];
    let table = table.join("\n");
    say(&table);
    let fits = library.flash <= budget.flash && library.ram <= budget.ram && library.stack <= budget.stack;
    assert!(fits, "the library takes more than its budget:\n{table}");
}

/// Runs a firmware, since only then it is seen how deep its stack is.
fn measure(firmware: &Firmware) -> Needs {
    let gatekeeper = Gatekeeper::start();
    let mut bench = LineClient::patient(gatekeeper.line());
    bench.expect("COMMAND=SUB|VAR=result", "REPLY=OK");
    let board = firmware.run(gatekeeper.line());
    bench.event("EVENT=MESSAGE|VAR=result|VALUE=PASS");
    let stack = board.end().stack.expect("it is measured on microcontrollers");
    Needs { flash: firmware.sizes.flash, ram: firmware.sizes.ram, stack }
}
