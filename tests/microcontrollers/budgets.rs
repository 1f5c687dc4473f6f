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
fn the_library_leaves_room_on_an_atmega328() {
    let small = Needs { flash: 6 * 1024, ram: 300, stack: 150 };
    let everything = Needs { flash: 8 * 1024, ram: 330, stack: 150 };
    hold("avr-uno", &[("Small", small), ("Everything", everything)]);
}

#[test]
fn the_library_leaves_room_on_an_atmega2560() {
    let small = Needs { flash: 8 * 1024, ram: 600, stack: 150 };
    let everything = Needs { flash: 9 * 1024, ram: 600, stack: 150 };
    hold("avr-mega", &[("Small", small), ("Everything", everything)]);
}

#[test]
fn the_library_leaves_room_on_an_esp8266() {
    hold("lx106", &[("Everything", Needs { flash: 10 * 1024, ram: 1024, stack: 512 })]);
}

#[test]
fn the_library_leaves_room_on_an_esp32_c3() {
    hold("rv32", &[("Everything", Needs { flash: 16 * 1024, ram: 4 * 1024, stack: 1024 })]);
}

/// Sees that the library, its buffers included, takes no more in these sketches than its budgets.
fn hold(target: &'static str, budgets: &[(&str, Needs)]) {
    let Some(lab) = Lab::of(target) else { return };
    let bare = measure(&lab.build_bare());
    for (name, budget) in budgets {
        let whole = measure(&lab.build(&sketch(name)));
        let library = Needs {
            flash: whole.flash.saturating_sub(bare.flash),
            ram: whole.ram.saturating_sub(bare.ram),
            stack: whole.stack.saturating_sub(bare.stack),
        };
        let table = [
            format!("{target:11}  flash    RAM  stack"),
            row("no library", bare),
            row(name, whole),
            row("library", library),
            row("budget", *budget),
        ];
        let table = table.join("\n");
        say(&table);
        let fits =
            library.flash <= budget.flash && library.ram <= budget.ram && library.stack <= budget.stack;
        assert!(fits, "the library takes more than its budget:\n{table}");
    }
}

fn row(what: &str, needs: Needs) -> String {
    format!("{what:11} {:6} {:6} {:6}", needs.flash, needs.ram, needs.stack)
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
