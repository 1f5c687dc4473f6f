//! `gpio-gatekeeper unit`: a systemd unit for this program with this configuration, every line explained.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use gpio_gatekeeper::config::Persistence;
use gpio_gatekeeper::daemon::DaemonConfig;
use gpio_gatekeeper::domain::{Span, Wired};

use super::{fail, load, print, wrong};

/// Prints it; what won't work where the files are now is said besides.
pub(crate) fn run(file: &Path) -> ExitCode {
    let config = match load(file) {
        Ok(config) => config,
        Err(error) => return wrong(&error),
    };
    let places = std::env::current_exe().and_then(|program| Ok((program, std::path::absolute(file)?)));
    let (program, file) = match places {
        Ok(places) => places,
        Err(error) => return fail(&format!("the paths for the unit are unknown: {error}")),
    };
    for path in [&program, &file] {
        if HIDDEN.iter().any(|folder| path.starts_with(folder)) {
            eprintln!(
                "gpio-gatekeeper: the service won't see {}: install the program in /usr/local/bin and the configuration \
                 in /etc/gpio-gatekeeper, and make the unit from there",
                path.display()
            );
        }
    }
    match unit(&program, &file, &config) {
        Ok(text) => print(&text),
        Err(error) => fail(&error),
    }
}

/// The unit; an error where a path can't stand in one.
fn unit(program: &Path, file: &Path, config: &DaemonConfig) -> Result<String, String> {
    let (program, file) = (quoted(program)?, quoted(file)?);
    let watchdog = match config.hardware.watchdog {
        None => NO_WATCHDOG.to_owned(),
        Some(Span(limit)) => {
            let time = (limit * 3).max(LEAST_WATCHDOG).as_secs_f64().ceil();
            WATCHDOG.replace("{time}", &time.to_string())
        }
    };
    let mut text = TEMPLATE.replace("{watchdog}", &watchdog);
    text = text.replace("{capabilities}", if has_low_port(config) { LOW_PORTS } else { NO_CAPABILITIES });
    let (mut groups, mut devices) = (String::new(), String::new());
    for bus in BUSES.iter().filter(|bus| has_sensor_on(config, bus)) {
        groups += &format!(" {}", bus.name);
        devices += &format!("DeviceAllow=char-{} rw\n", bus.name);
    }
    text = text.replace("{groups}", &groups).replace("{devices}", &devices);
    let mut folders = String::new();
    for folder in folders_of(config) {
        folders += &match folder {
            folder if folder.starts_with(LOGS) => LOGS_DIRECTORY.to_owned(),
            folder => READ_WRITE.replace("{folder}", &quoted(&folder)?),
        };
    }
    // Paths come last, for they may look like anything.
    Ok(text.replace("{folders}", &folders).replace("{program}", &program).replace("{file}", &file))
}

/// The folders that the daemon writes in beside its own state folder.
fn folders_of(config: &DaemonConfig) -> Vec<PathBuf> {
    let state = (config.mqtt.persistence == Persistence::File).then_some(config.state_folder.as_path());
    let audit = config.audit.file.as_deref().and_then(Path::parent);
    let mut folders: Vec<_> =
        state.into_iter().chain(audit).filter(|folder| !folder.starts_with(STATE)).collect();
    folders.dedup();
    folders.into_iter().map(Path::to_owned).collect()
}

/// A kind of bus that programs open: its name, which is both that of its group and the kernel's for its devices, and how
/// the paths of those begin.
struct Bus {
    name: &'static str,
    path: &'static str,
}

const BUSES: [Bus; 2] = [Bus { name: "i2c", path: "/dev/i2c-" }, Bus { name: "spi", path: "/dev/spidev" }];

fn has_sensor_on(config: &DaemonConfig, bus: &Bus) -> bool {
    let mut parts = config.devices.iter().filter_map(|device| device.blueprint.part());
    parts.any(|(_, address)| address.place.starts_with(bus.path))
}

fn has_low_port(config: &DaemonConfig) -> bool {
    let secured = [&config.line.tls, &config.mqtt.tls, &config.http.tls].map(|tls| tls.as_ref()?.listen);
    let plain = [config.line.listen, config.mqtt.listen, config.http.listen];
    let is_low = |address: SocketAddr| (1..1024).contains(&address.port());
    plain.into_iter().chain(secured).flatten().any(is_low)
}

/// A path as systemd.unit(5) and systemd.syntax(7) want it.
fn quoted(path: &Path) -> Result<String, String> {
    let text = path.to_str().filter(|text| !text.contains(|c: char| c == '$' || c.is_control()));
    let text = text.ok_or_else(|| {
        format!("{} can't stand in a unit: it has a $, a control character or no UTF-8 in it", path.display())
    })?;
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:%".contains(c);
    Ok(if escaped.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") })
}

/// Folders that the unit hides from the daemon, or of which the daemon gets one of its own.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// What the unit calls StateDirectory.
const STATE: &str = "/var/lib/gpio-gatekeeper";
const LOGS: &str = "/var/log/gpio-gatekeeper";
/// systemd's watchdog comes after our own, which takes up to one and a half times its limit, and the stop after that.
const LEAST_WATCHDOG: Duration = Duration::from_secs(30);

const WATCHDOG: &str = "\
# The daemon's own watchdog (hardware.watchdog) ends it in order; this one kills it when even that hangs.
WatchdogSec={time}s
";
const NO_WATCHDOG: &str = "\
# Nobody watches the daemon: hardware.watchdog is null.
WatchdogSec=0
";
const LOGS_DIRECTORY: &str = "
# The folder of the audit, which is made for that user.
LogsDirectory=gpio-gatekeeper
LogsDirectoryMode=0700
";
const READ_WRITE: &str = "
# The configuration has files here: the folder has to be there, and that user has to be able to write in it.
ReadWritePaths={folder}
";
const NO_CAPABILITIES: &str = "\
# It is no superuser in any respect.
CapabilityBoundingSet=
";
const LOW_PORTS: &str = "\
# It listens on a port below 1024, and is no superuser in any other respect.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
";

const TEMPLATE: &str = "\
# Made by `gpio-gatekeeper unit`; it belongs in /etc/systemd/system/gpio-gatekeeper.service.
# `systemctl edit gpio-gatekeeper` adds your own settings, such as MemoryMax=64M.

[Unit]
Description=GPIO Gatekeeper, which owns the GPIO lines of this board
# An address that this machine gets later is no trouble: the daemon is started again until it can listen there.
After=network.target
# However often it has failed, it is started again: what is in its way may go away.
StartLimitIntervalSec=0

[Service]
# The daemon says when its ports are open, and when `systemctl reload` has made it read users and certificates anew.
# Before 253, systemd warns that it does not know notify-reload, and stays with notify.
Type=notify
Type=notify-reload
ExecStart={program} --config {file}

# After every end of the daemon, a crash too, outputs go to their on_stop values.  After an orderly stop they are there
# already, and are written once more.
ExecStopPost={program} safe-states --config {file}

{watchdog}# After a failure it comes back, but not with a configuration that is wrong.
Restart=on-failure
RestartSec=2s
RestartPreventExitStatus=2
# It stops within 2 s; a dead time of interlocks may be added to that for safe-states.
TimeoutStopSec=75s

# A user of its own, who has to be able to read the configuration and the files that it names.
# `useradd --system gpio-gatekeeper` makes it.
User=gpio-gatekeeper
# Its members may open /dev/gpiochip* and write PWM channels; those of i2c and spi may open sensors, where it has any.
# Where there is no such group, make it, and rules of udev that give it the devices.
SupplementaryGroups=gpio{groups}
# /var/lib/gpio-gatekeeper is made for that user.
StateDirectory=gpio-gatekeeper
StateDirectoryMode=0700
{folders}
# Files that it makes are for itself.
UMask=0077
# Two descriptors for each connection: enough for the most clients that can be configured.
LimitNOFILE=32768

# Nothing that it starts gets more rights than it has.
NoNewPrivileges=yes
{capabilities}\
# It sees all files but those of people, and writes nowhere but in the folders above, and to PWM channels: those are
# in /sys, which ProtectKernelTunables would keep from it.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
# Of all devices it can open GPIO chips, the buses of its sensors, and what every program needs, such as /dev/null.
DevicePolicy=closed
DeviceAllow=char-gpiochip rw
{devices}# It speaks TCP, and to systemd.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
# It needs none of these.
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_systemd_would_not_take_it_as_it_is() {
        for (path, expected) in [
            ("/usr/local/bin/gpio-gatekeeper", "/usr/local/bin/gpio-gatekeeper"),
            ("/etc/my pi/a.jsonc", "\"/etc/my pi/a.jsonc\""),
            ("/etc/100%/a", "/etc/100%%/a"),
            ("/etc/\"quoted\"\\", "\"/etc/\\\"quoted\\\"\\\\\""),
            ("/etc/it's;", "\"/etc/it's;\""),
        ] {
            assert_eq!(quoted(Path::new(path)).as_deref(), Ok(expected));
        }
        for path in ["/etc/$HOME", "/etc/a\nb"] {
            assert!(quoted(Path::new(path)).is_err(), "{path:?}");
        }
    }
}
