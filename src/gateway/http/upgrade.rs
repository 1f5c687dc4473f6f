//! `/mqtt`: whether a connection becomes a WebSocket, and what is answered.

use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{self, create_response, write_response};
use tungstenite::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};

use super::{Visitors, refusal};
use crate::net::Seating;
use crate::wire::http::{Request, Response, Status};

/// The subprotocol that the standard names.
const SUBPROTOCOL: &str = "mqtt";

/// The head that begins the WebSocket; or what is answered instead.  `head` is the request as it came.
pub(super) fn answer(
    head: &[u8],
    request: &Request<'_>,
    visitors: &Visitors,
    seating: Seating,
) -> Result<Vec<u8>, Response> {
    if !request.lists("Upgrade", "websocket") {
        let response =
            Response::text(Status::UpgradeRequired, "this is for WebSockets with the subprotocol mqtt");
        return Err(response.with("Upgrade", "websocket").with("Connection", "Upgrade, close"));
    }
    visitors.check_origin(request).map_err(refusal)?;
    // [MQTT-6.0.0-3]
    if !request.lists("Sec-WebSocket-Protocol", SUBPROTOCOL) {
        return Err(Response::text(Status::BadRequest, "the WebSocket has to offer the subprotocol mqtt"));
    }
    if seating == Seating::Full {
        let why = "as many clients as may be are connected; try again later";
        return Err(Response::text(Status::ServiceUnavailable, why));
    }
    accept(head).map_err(|error| match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            Response::text(Status::UpgradeRequired, "the version of WebSockets is 13")
                .with("Sec-WebSocket-Version", "13")
                .with("Upgrade", "websocket")
                .with("Connection", "Upgrade, close")
        }
        error => Response::text(Status::BadRequest, format!("no WebSocket: {error}")),
    })
}

fn accept(head: &[u8]) -> Result<Vec<u8>, Error> {
    let Some((_, request)) = server::Request::try_parse(head)? else {
        return Err(Error::Protocol(ProtocolError::HandshakeIncomplete));
    };
    let mut response = create_response(&request)?;
    // [MQTT-6.0.0-4]
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response)?;
    Ok(bytes)
}
