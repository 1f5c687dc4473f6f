//! `/health`: whether the hardware thread answers, asked at this moment.

use std::time::Duration;

use serde_json::json;

use crate::control::NoPulse;
use crate::gateway::Shared;
use crate::wire::http::{Response, Status};

/// How long the hardware thread has to answer.  What it does is done in microseconds, if nothing is stuck.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks it, and tells.
pub(super) fn response(shared: &Shared) -> Response {
    let pulse = shared.commands.pulse(PATIENCE);
    let (status, word) = match pulse {
        Ok(_) => (Status::Ok, "ok"),
        Err(NoPulse::Stuck) => (Status::ServiceUnavailable, "stuck"),
        Err(NoPulse::Ended) => (Status::ServiceUnavailable, "stopping"),
    };
    let health = json!({
        "status": word,
        "hardware_latency_us": pulse.ok().map(|took| took.as_micros() as u64),
        "backend": shared.registry.backend,
        "simulated": shared.registry.simulated,
        "devices": shared.registry.devices.len(),
        "clients": shared.admission.count(),
        "uptime": shared.started.elapsed().as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let body = format!("{health}\n");
    Response { content_type: "application/json", ..Response::text(status, body) }
}
