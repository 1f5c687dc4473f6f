//! `scan`: what this board has, as a table for people or as JSON for programs.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use gpio_gatekeeper::daemon::survey::{Asking, Chip, Direction, I2cBus, Survey};
use lexopt::prelude::*;

/// What is wanted.
pub(super) struct Order {
    asking: Asking,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
}

/// Reads what follows the word `scan`.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
    let mut order = Order { asking: Asking::EveryAddress, form: Form::Table };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => order.form = Form::Json,
            Long("no-i2c") => order.asking = Asking::Nobody,
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(order)
}

pub(super) fn run(order: &Order) -> ExitCode {
    let survey = Survey::take(order.asking);
    match order.form {
        Form::Table => super::print(&table(&survey, order.asking)),
        Form::Json => match serde_json::to_string_pretty(&survey) {
            Ok(json) => super::print(&json),
            Err(error) => super::fail(&error),
        },
    }
}

/// The table, of which every part says so when there is nothing.
fn table(survey: &Survey, asking: Asking) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(&mut text, survey, asking);
    text
}

fn write_table(text: &mut String, survey: &Survey, asking: Asking) -> fmt::Result {
    heading(text, "GPIO chips", survey.chips.is_empty())?;
    survey.chips.iter().try_for_each(|chip| write_chip(text, chip))?;
    heading(text, "I2C buses", survey.i2c.is_empty())?;
    for bus in &survey.i2c {
        write_bus(text, bus)?;
        let could_answer = survey.problems.iter().all(|problem| problem.what != bus.path);
        if bus.parts.is_empty() && could_answer && asking == Asking::EveryAddress {
            writeln!(text, "    nobody answers")?;
        }
    }
    heading(text, "1-wire", !survey.has_one_wire)?;
    if survey.has_one_wire && survey.one_wire.is_empty() {
        writeln!(text, "  a bus with nobody on it")?;
    }
    for part in &survey.one_wire {
        writeln!(text, "  {}  {}", part.id, part.part.unwrap_or("of an unknown family"))?;
    }
    heading(text, "SPI devices", survey.spi.is_empty())?;
    survey.spi.iter().try_for_each(|path| writeln!(text, "  {path}"))?;
    heading(text, "PWM chips", survey.pwm.is_empty())?;
    for chip in &survey.pwm {
        writeln!(text, "  {}  {} channels, now {}", chip.device, chip.channels, chip.name)?;
    }
    heading(text, "Thermometers of the board", survey.thermal.is_empty())?;
    for zone in &survey.thermal {
        writeln!(text, "  {}  {}", zone.name, zone.kind)?;
    }
    for problem in &survey.problems {
        writeln!(text, "\n{} could not be looked at: {}", problem.what, problem.why)?;
    }
    Ok(())
}

fn heading(text: &mut String, name: &str, is_empty: bool) -> fmt::Result {
    let first = if text.is_empty() { "" } else { "\n" };
    writeln!(text, "{first}{name}{}", if is_empty { ": none" } else { "" })
}

fn write_chip(text: &mut String, chip: &Chip) -> fmt::Result {
    writeln!(text, "  {}  {}  {} lines", chip.name, chip.label, chip.lines.len())?;
    let width = chip.lines.iter().filter_map(|line| line.name.as_ref()).map(String::len).max().unwrap_or(0);
    for line in &chip.lines {
        let name = line.name.as_deref().unwrap_or("");
        let direction = match line.direction {
            Direction::Input => "input ",
            Direction::Output => "output",
        };
        let holder = match (&line.consumer, line.used) {
            (Some(consumer), _) => format!("  held by \"{consumer}\""),
            (None, true) => "  held by the kernel".to_owned(),
            (None, false) => String::new(),
        };
        let row = format!("    {:>3}  {name:width$}  {direction}{holder}", line.offset);
        writeln!(text, "{}", row.trim_end())?;
    }
    Ok(())
}

fn write_bus(text: &mut String, bus: &I2cBus) -> fmt::Result {
    writeln!(text, "  {}  {}", bus.path, bus.name)?;
    for part in &bus.parts {
        let likely = match (&part.driver, part.likely.is_empty()) {
            (Some(driver), _) => format!("held by the kernel's driver {driver}"),
            (None, true) => "unknown".to_owned(),
            (None, false) => part.likely.join(" or "),
        };
        writeln!(text, "    0x{:02x}  {likely}", part.address)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gpio_gatekeeper::daemon::survey::{ChipLine, I2cPart, Problem, PwmChip};

    use super::*;

    #[test]
    fn a_board_without_anything_says_so_of_everything() {
        let text = table(&Survey::default(), Asking::EveryAddress);
        assert_eq!(text.lines().filter(|line| line.ends_with(": none")).count(), 6, "{text}");
    }

    #[test]
    fn the_table_names_holders_parts_and_what_could_not_be_seen() {
        let line = |offset, name: Option<&str>, consumer: Option<&str>| ChipLine {
            offset,
            name: name.map(str::to_owned),
            direction: Direction::Input,
            used: consumer.is_some(),
            consumer: consumer.map(str::to_owned),
        };
        let chip = Chip {
            path: "/dev/gpiochip0".to_owned(),
            name: "gpiochip0".to_owned(),
            label: "pinctrl-bcm2711".to_owned(),
            lines: vec![line(2, Some("GPIO2"), None), line(17, Some("GPIO17"), Some("lamp"))],
        };
        let part = I2cPart { address: 0x48, likely: vec!["TMP102", "ADS1115"], driver: None };
        let pwm = PwmChip { device: "fe20c000.pwm".to_owned(), name: "pwmchip0".to_owned(), channels: 2 };
        let problem = Problem { what: "/dev/i2c-2".to_owned(), why: "no".to_owned(), denied: true };
        let bus =
            |number, parts| I2cBus { path: format!("/dev/i2c-{number}"), name: "bcm2835".to_owned(), parts };
        let survey = Survey {
            chips: vec![chip],
            i2c: vec![bus(1, vec![part]), bus(2, Vec::new()), bus(3, Vec::new())],
            has_one_wire: true,
            pwm: vec![pwm],
            problems: vec![problem],
            ..Survey::default()
        };
        let text = table(&survey, Asking::EveryAddress);
        for row in [
            "  gpiochip0  pinctrl-bcm2711  2 lines",
            "      2  GPIO2   input",
            "     17  GPIO17  input   held by \"lamp\"",
            "    0x48  TMP102 or ADS1115",
            "  fe20c000.pwm  2 channels, now pwmchip0",
            "1-wire",
            "  a bus with nobody on it",
            "/dev/i2c-2 could not be looked at: no",
        ] {
            assert!(text.lines().any(|line| line == row), "{row:?} is not in\n{text}");
        }
        assert!(text.contains("  /dev/i2c-3  bcm2835\n    nobody answers\n"), "{text}");
        assert_eq!(text.matches("nobody answers").count(), 1, "{text}");
        assert!(!table(&survey, Asking::Nobody).contains("nobody answers"));
    }
}
