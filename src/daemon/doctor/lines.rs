//! What keeps a device from its lines.

use super::machine::Machine;
use super::{Finding, Gravity};
use crate::hardware::survey::{Chip, ChipLine, Survey};
use crate::hardware::{HardwareError, Line};

/// Why there is no backend at all.
pub(super) fn no_backend(error: &str, survey: &Survey, machine: &Machine) -> Finding {
    let denied = survey.problems.iter().find(|problem| problem.denied && problem.what.contains("gpiochip"));
    let mend = match denied {
        Some(problem) => may(&problem.what, machine),
        None if survey.chips.is_empty() => {
            "run it on a board with /dev/gpiochip*, or set hardware.backend to \"simulated\"".to_owned()
        }
        None => format!("the kernel here is {}: take one with the GPIO character device", machine.kernel),
    };
    Finding { gravity: Gravity::Problem, subject: "hardware".to_owned(), problem: error.to_owned(), mend }
}

/// How this user comes to be allowed to open a device.
pub(super) fn may(device: &str, machine: &Machine) -> String {
    let user = &machine.user;
    match machine.group_of(device) {
        Some(group) => format!("sudo usermod -aG {group} {user}   # and log in anew"),
        None => {
            let name =
                device.rsplit('/').next().unwrap_or(device).trim_end_matches(|c: char| c.is_ascii_digit());
            let rule = format!("KERNEL==\"{name}*\", GROUP=\"gpio\", MODE=\"0660\"");
            format!(
                "sudo groupadd -f gpio && sudo usermod -aG gpio {user} && echo '{rule}' | \
                 sudo tee /etc/udev/rules.d/60-gpio-gatekeeper.rules && sudo udevadm control --reload && \
                 sudo udevadm trigger   # and log in anew"
            )
        }
    }
}

/// A line that is not where the configuration says.
pub(super) fn not_found(subject: &str, error: &HardwareError, machine: &Machine) -> Finding {
    let denied = matches!(error, HardwareError::Call { cause, .. }
        if cause.kind() == std::io::ErrorKind::PermissionDenied);
    let mend = if denied {
        may("/dev/gpiochip0", machine)
    } else {
        "gpio-gatekeeper scan   # lists the chips and lines there are".to_owned()
    };
    let (subject, problem) = (subject.to_owned(), error.to_string());
    Finding { gravity: Gravity::Problem, subject, problem, mend }
}

/// What to do about a PWM channel that there is not.
pub(super) fn no_channel(subject: &str, error: &HardwareError) -> Finding {
    Finding {
        gravity: Gravity::Problem,
        subject: subject.to_owned(),
        problem: error.to_string(),
        mend: "gpio-gatekeeper scan   # lists the PWM chips there are; /boot/firmware/overlays/README how to get some"
            .to_owned(),
    }
}

/// Who else holds a line.
pub(super) fn held(subject: &str, line: &Line, survey: &Survey, machine: &Machine) -> Option<Finding> {
    let chip = survey.chips.iter().find(|chip| chip.name == *line.chip)?;
    let held = chip.lines.iter().find(|other| other.offset == line.offset && other.used)?;
    let (gravity, problem, mend) = match held.consumer.as_deref() {
        Some(OURS) => (
            Gravity::Note,
            format!("line {line} is held by a gpio-gatekeeper: fine, if that runs this configuration"),
            "sudo systemctl stop gpio-gatekeeper   # before another one is started".to_owned(),
        ),
        Some("sysfs") => (
            Gravity::Problem,
            format!("line {line} is exported in /sys/class/gpio, the interface that Linux has given up"),
            unexport(chip, held, machine),
        ),
        consumer => {
            let holder = consumer.map_or_else(String::new, |consumer| format!(" as \"{consumer}\""));
            let (problem, mend) = taken(machine);
            (Gravity::Problem, format!("line {line} is held{holder} {problem}"), mend)
        }
    };
    Some(Finding { gravity, subject: subject.to_owned(), problem, mend })
}

/// Who it may be that holds a line, and what ends that.
fn taken(machine: &Machine) -> (String, String) {
    let holders = machine.programs.iter().filter(|program| program.holds_lines);
    let names: Vec<String> = holders.clone().map(|it| format!("{} ({})", it.name, it.pid)).collect();
    let pids: Vec<String> = holders.map(|program| program.pid.to_string()).collect();
    match (names.is_empty(), machine.sees_everybody) {
        (false, _) => (
            format!("by a program; those that hold lines here: {}", names.join(", ")),
            format!("ps -o pid,user,args -p {}   # and stop the one that it is", pids.join(",")),
        ),
        (true, true) => match &machine.boot_config {
            Some(file) => (
                "by a driver of the kernel".to_owned(),
                format!(
                    "grep -nE '^dt(param|overlay)=' {}   # take out the line of that driver, and restart",
                    file.display()
                ),
            ),
            None => (
                "by a driver of the kernel".to_owned(),
                "take another line, or take the driver out of the device tree".to_owned(),
            ),
        },
        (true, false) => (
            "by a program of another user, or by a driver of the kernel".to_owned(),
            "sudo gpio-gatekeeper doctor FILE   # sees the programs of everybody".to_owned(),
        ),
    }
}

fn unexport(chip: &Chip, line: &ChipLine, machine: &Machine) -> String {
    match machine.first_numbers.get(&chip.label) {
        Some(first) => format!("echo {} | sudo tee /sys/class/gpio/unexport", first + line.offset),
        None => "ls /sys/class/gpio   # and write its number to /sys/class/gpio/unexport".to_owned(),
    }
}

/// What we are called as a holder.
const OURS: &str = "gpio-gatekeeper";

#[cfg(test)]
mod tests {
    use super::super::machine::Program;
    use super::*;
    use crate::hardware::survey::{Direction, Problem};

    fn survey(consumer: Option<&str>) -> Survey {
        let line = ChipLine {
            offset: 17,
            name: Some("GPIO17".to_owned()),
            direction: Direction::Output,
            used: true,
            consumer: consumer.map(str::to_owned),
        };
        let chip = Chip {
            path: "/dev/gpiochip0".to_owned(),
            name: "gpiochip0".to_owned(),
            label: "pinctrl-bcm2711".to_owned(),
            lines: vec![line],
        };
        Survey { chips: vec![chip], ..Survey::default() }
    }

    fn found(consumer: Option<&str>, machine: &Machine) -> Finding {
        let line = Line { chip: "gpiochip0".into(), offset: 17 };
        held("device lamp, line", &line, &survey(consumer), machine).expect("it is held")
    }

    #[test]
    fn a_free_line_is_no_finding() {
        let line = Line { chip: "gpiochip0".into(), offset: 4 };
        assert_eq!(held("device lamp, line", &line, &survey(None), &Machine::default()), None);
    }

    #[test]
    fn who_holds_a_line_is_told_with_what_ends_it() {
        let mut machine = Machine { sees_everybody: true, ..Machine::default() };
        machine.first_numbers.insert("pinctrl-bcm2711".to_owned(), 512);
        assert_eq!(found(Some("sysfs"), &machine).mend, "echo 529 | sudo tee /sys/class/gpio/unexport");
        assert_eq!(found(Some(OURS), &machine).gravity, Gravity::Note);
        machine.boot_config = Some("/boot/firmware/config.txt".into());
        let driver = found(Some("spi0 CS0"), &machine);
        assert!(driver.problem.ends_with("is held as \"spi0 CS0\" by a driver of the kernel"), "{driver}");
        assert!(driver.mend.contains("/boot/firmware/config.txt"), "{driver}");
        let name = "python3".to_owned();
        machine.programs = vec![Program { pid: 812, name, memory: None, holds_lines: true }];
        let program = found(Some("lg"), &machine);
        assert!(program.problem.contains("python3 (812)") && program.mend.contains("-p 812"), "{program}");
        machine = Machine::default();
        assert!(found(None, &machine).mend.starts_with("sudo gpio-gatekeeper doctor"));
    }

    #[test]
    fn who_may_not_open_a_chip_is_told_how_to_be_allowed() {
        let (what, why) = ("/dev/gpiochip0".to_owned(), "Permission denied (os error 13)".to_owned());
        let survey = Survey { problems: vec![Problem { what, why, denied: true }], ..Survey::default() };
        let machine = Machine { user: "anna".to_owned(), ..Machine::default() };
        let finding = no_backend("open /dev/gpiochip0: Permission denied", &survey, &machine);
        assert!(finding.mend.contains("usermod -aG gpio anna"), "{finding}");
        assert!(finding.mend.contains("KERNEL==\"gpiochip*\""), "{finding}");
    }

    #[test]
    fn a_kernel_without_any_version_is_named() {
        let machine = Machine { kernel: "7.1.0".to_owned(), ..Machine::default() };
        let finding = no_backend("no version", &survey(None), &machine);
        assert!(finding.mend.contains("7.1.0"), "{finding}");
    }
}
