//! Programs that drive pins behind the kernel's back.

use super::machine::{Machine, Program, REGISTER_DAEMONS};
use super::{Finding, Gravity};

/// Those that write to the chip's registers: no lock of the kernel stops them, whoever holds the line.
pub(super) fn behind_the_kernel(machine: &Machine) -> Vec<Finding> {
    let mut findings: Vec<Finding> = machine.programs.iter().filter_map(finding).collect();
    if !machine.sees_everybody {
        findings.push(Finding {
            gravity: Gravity::Note,
            subject: "programs".to_owned(),
            problem: "programs of other users could not be looked at".to_owned(),
            mend: "sudo gpio-gatekeeper doctor FILE   # sees whether one drives pins by their registers"
                .to_owned(),
        });
    }
    findings
}

fn finding(program: &Program) -> Option<Finding> {
    let Program { pid, name, memory, .. } = program;
    let is_daemon = REGISTER_DAEMONS.contains(&&**name);
    let how = match (memory, is_daemon) {
        (Some(memory), _) => format!("has {memory} open"),
        (None, true) => "is made for that".to_owned(),
        (None, false) => return None,
    };
    let mend = if is_daemon {
        format!("sudo systemctl disable --now {name}")
    } else {
        format!(
            "ps -o pid,user,args -p {pid}   # stop it; a program with gpiozero keeps to the kernel's way with \
             GPIOZERO_PIN_FACTORY=lgpio"
        )
    };
    Some(Finding {
        gravity: Gravity::Problem,
        subject: format!("program {name} ({pid})"),
        problem: format!(
            "it can write to the registers of the chip, and {how}: it drives any line, also one that the \
             gatekeeper holds, and neither notices"
        ),
        mend,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, memory: Option<&str>) -> Program {
        Program { pid: 812, name: name.to_owned(), memory: memory.map(str::to_owned), holds_lines: true }
    }

    #[test]
    fn who_has_the_registers_open_is_told_of_and_who_holds_lines_is_not() {
        let programs = vec![
            program("python3", Some("/dev/gpiomem")),
            program("pigpiod", None),
            program("gpiomon", None),
        ];
        let machine = Machine { programs, sees_everybody: true, ..Machine::default() };
        let findings = behind_the_kernel(&machine);
        let subjects: Vec<&str> = findings.iter().map(|finding| &*finding.subject).collect();
        assert_eq!(subjects, ["program python3 (812)", "program pigpiod (812)"]);
        assert_eq!(findings[1].mend, "sudo systemctl disable --now pigpiod");
    }

    #[test]
    fn what_could_not_be_seen_is_said() {
        let findings = behind_the_kernel(&Machine::default());
        assert_eq!(findings.iter().map(|finding| finding.gravity).collect::<Vec<_>>(), [Gravity::Note]);
    }
}
