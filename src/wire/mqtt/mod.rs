//! MQTT 5.0 and 3.1.1 packets.
//!
//! Bytes become packets in two steps, and only the first may ask for more bytes:
//!
//! ```text
//! bytes -> split -> Frame -> decode -> Packet
//! bytes <-------- encode <------------ Packet
//! ```
//!
//! A packet that breaks the standard is [`Malformed`], with the reason code that its sender deserves.
//! What [`encode`] writes, [`decode`] reads: it refuses a packet that no receiver would take.
//!
//! The codec serves both sides of a connection.  So it leaves to its user whatever depends on the
//! direction or on earlier packets: that a client sends no Subscription Identifier in a PUBLISH
//! [MQTT-3.3.4-6], or which topic an alias means.
//!
//! [`PublishView`] is the fast path of a server, which writes one message to many clients.
//!
//! ```
//! use gpio_gatekeeper::wire::mqtt::{Packet, Split, Version, decode, encode, split};
//!
//! let mut bytes = Vec::new();
//! encode(&Packet::Pingreq, Version::V5, &mut bytes)?;
//! let Split::Packet { frame, length } = split(&bytes, 1000)? else { panic!("it is complete") };
//! assert_eq!((decode(&frame, Version::V5)?, length), (Packet::Pingreq, 2));
//! # Ok::<(), gpio_gatekeeper::wire::mqtt::Malformed>(())
//! ```

mod acknowledge;
mod auth;
mod census;
mod connack;
mod connect;
mod disconnect;
mod fields;
mod filter;
mod frame;
mod malformed;
mod packet;
mod place;
mod properties;
mod property;
mod publish;
mod qos;
mod reason;
mod subscribe;
mod topic;
mod unsubscribe;

pub use acknowledge::Acknowledge;
pub use auth::Auth;
pub use census::{Census, census};
pub use connack::Connack;
pub use connect::{Connect, Will, dialect};
pub use disconnect::Disconnect;
pub use filter::TopicFilter;
pub use frame::{Frame, LARGEST_PACKET, PacketType, Split, split};
pub use malformed::Malformed;
pub use packet::{Packet, PacketId, Version, decode, encode};
pub use properties::Properties;
pub use property::Property;
pub use publish::{Publish, PublishView};
pub use qos::QoS;
pub use reason::ReasonCode;
pub use subscribe::{RetainHandling, Suback, Subscribe, SubscribeOptions};
pub use topic::TopicName;
pub use unsubscribe::{Unsuback, Unsubscribe};
