//! `/metrics`: what is counted, in the text format 0.0.4 of Prometheus.

use std::fmt::{Display, Write};

use crate::control::{BOUNDS, Latencies};
use crate::gateway::{Count, Shared, Traffic, process};
use crate::wire::http::{Response, Status};

/// The text, one family of metrics after the other.
#[derive(Default)]
struct Exposition(String);

/// The metrics of one name; what they are is said once, before them.
struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
}

/// Tells what is counted.
pub(super) fn response(shared: &Shared) -> Response {
    let mut text = Exposition::default();
    about(&mut text, shared);
    traffic(&mut text, shared);
    bus(&mut text, shared);
    commands(&mut text, shared.commands.count(), &shared.commands.latency().read());
    Response {
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        ..Response::text(Status::Ok, text.0)
    }
}

fn about(text: &mut Exposition, shared: &Shared) {
    let registry = &shared.registry;
    let build = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    text.gauge("gatekeeper_build_info", "The version of the program.").sample(&build, 1);
    let backend = format!("{{backend=\"{}\",simulated=\"{}\"}}", registry.backend, registry.simulated);
    text.gauge("gatekeeper_backend_info", "What drives the lines.").sample(&backend, 1);
    text.gauge("gatekeeper_leases", "Leases that are held.").sample("", shared.commands.leases());
    let alerts = text.gauge("gatekeeper_alerts", "Alerts that are open.");
    shared.commands.alerts().iter().fold(alerts, |family, (severity, count)| {
        family.sample(&format!("{{severity=\"{}\"}}", severity.as_str()), count)
    });
    text.gauge("gatekeeper_devices", "Devices of the configuration.").sample("", registry.devices.len());
    let uptime = shared.started.elapsed().as_secs_f64();
    text.gauge("gatekeeper_uptime_seconds", "Time since the start.").sample("", uptime);
    if let Some(resident) = process::resident() {
        text.gauge("gatekeeper_process_resident_memory_bytes", "Memory of the process.").sample("", resident);
    }
}

fn traffic(text: &mut Exposition, shared: &Shared) {
    let counters = &shared.counters;
    let all = [("line", &counters.line), ("mqtt", &counters.mqtt), ("websocket", &counters.websocket)];
    let mqtt = &all[1..];
    text.gauge("gatekeeper_clients", "Clients that are connected.").each(&all, |t| &t.clients);
    text.gauge("gatekeeper_mqtt_clients_maximum", "The most MQTT clients that there were at one time.")
        .sample("", counters.most_clients.value());
    text.counter("gatekeeper_connections_total", "Connections.")
        .each(&all, |t| &t.connections)
        .sample("{protocol=\"http\"}", counters.http_connections.value());
    text.counter("gatekeeper_connects_refused_total", "MQTT clients that were refused.")
        .sample("", counters.refused.value());
    text.counter(
        "gatekeeper_slow_clients_total",
        "Clients that were disconnected because they did not read.",
    )
    .sample("", counters.too_slow.value());
    text.counter(
        "gatekeeper_hasty_commands_total",
        "Commands that were refused because their client sent more than it may in a second.",
    )
    .sample("", counters.too_fast.value());
    text.counter("gatekeeper_received_bytes_total", "Bytes from clients.").each(&all, |t| &t.bytes_received);
    text.counter("gatekeeper_sent_bytes_total", "Bytes to clients.").each(&all, |t| &t.bytes_sent);
    text.counter("gatekeeper_received_frames_total", "Frames of the line protocol, and packets of MQTT.")
        .each(&all, |t| &t.frames_received);
    text.counter("gatekeeper_sent_frames_total", "Frames of the line protocol, and packets of MQTT.")
        .each(&all, |t| &t.frames_sent);
    text.counter("gatekeeper_received_publishes_total", "PUBLISH packets from clients.")
        .each(mqtt, |t| &t.publishes_received);
    text.counter("gatekeeper_sent_publishes_total", "PUBLISH packets to clients.")
        .each(mqtt, |t| &t.publishes_sent);
}

fn bus(text: &mut Exposition, shared: &Shared) {
    let (dropped, bus) = (&shared.counters.dropped, &shared.counters.bus);
    text.counter(
        "gatekeeper_dropped_messages_total",
        "Messages that did not reach a client which wanted them.",
    )
    .sample("{reason=\"too_large\"}", dropped.too_large.value())
    .sample("{reason=\"expired\"}", dropped.expired.value())
    .sample("{reason=\"outbox_full\"}", dropped.outbox_full.value())
    .sample("{reason=\"replaced\"}", dropped.replaced.value())
    .sample("{reason=\"queue_full\"}", bus.queue_full.value());
    text.gauge("gatekeeper_subscriptions", "Subscriptions of all clients.")
        .sample("", bus.subscriptions.value());
    text.gauge("gatekeeper_retained_messages", "Retained messages.")
        .sample("", bus.retained_messages.value());
    text.gauge("gatekeeper_retained_bytes", "Retained messages, about.")
        .sample("", bus.retained_bytes.value());
    text.gauge("gatekeeper_absent_sessions", "Sessions whose clients are not connected.")
        .sample("", bus.absent_sessions.value());
    text.gauge("gatekeeper_waiting_messages", "Messages that wait for those.")
        .sample("", bus.waiting_messages.value());
    text.gauge("gatekeeper_waiting_bytes", "What is kept for those, about.")
        .sample("", bus.waiting_bytes.value());
    text.counter("gatekeeper_expired_sessions_total", "Sessions whose clients stayed away for too long.")
        .sample("", bus.expired_sessions.value());
}

fn commands(text: &mut Exposition, sent: u64, latencies: &Latencies) {
    text.counter("gatekeeper_commands_total", "Commands that were handed to the hardware thread.")
        .sample("", sent);
    text.family(
        "gatekeeper_command_latency_seconds",
        "histogram",
        "From handing over a command to its answer.",
    )
    .histogram(latencies);
}

impl Exposition {
    fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing to a string can't fail, here and below.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text: &mut self.0, name }
    }
}

impl Family<'_> {
    /// One value; `labels` have nothing in them that would need an escape.
    fn sample(self, labels: &str, value: impl Display) -> Self {
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
        self
    }

    /// The same of each protocol.
    fn each(self, protocols: &[(&str, &Traffic)], what: fn(&Traffic) -> &Count) -> Self {
        protocols.iter().fold(self, |family, (name, traffic)| {
            family.sample(&format!("{{protocol=\"{name}\"}}"), what(traffic).value())
        })
    }

    fn histogram(self, latencies: &Latencies) {
        let Family { text, name } = self;
        for (bound, at_most) in BOUNDS.iter().zip(latencies.at_most) {
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {at_most}", bound.as_secs_f64());
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", latencies.count);
        let _ = writeln!(text, "{name}_sum {}", latencies.sum.as_secs_f64());
        let _ = writeln!(text, "{name}_count {}", latencies.count);
    }
}
