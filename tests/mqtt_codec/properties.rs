//! What the accessors of properties answer.

use std::num::{NonZeroU16, NonZeroU32};

use gpio_gatekeeper::wire::mqtt::{Packet, Properties, Property, QoS, TopicName, Version};

use crate::{hex, read};

#[test]
fn absent_properties_have_the_defaults_of_the_standard() {
    let none = Properties::new();
    assert_eq!(none.session_expiry(), None);
    assert_eq!(none.receive_maximum(), NonZeroU16::MAX);
    assert_eq!(none.maximum_packet_size(), None);
    assert_eq!(none.topic_alias_maximum(), 0);
    assert_eq!(none.will_delay(), 0);
    assert_eq!(none.maximum_qos(), QoS::ExactlyOnce);
    assert!(none.request_problem_information());
    assert!(!none.request_response_information());
    assert!(!none.payload_is_text());
    assert!(none.retain_available());
    assert!(none.wildcard_subscription_available());
    assert!(none.subscription_identifier_available());
    assert!(none.shared_subscription_available());
}

#[test]
fn a_connack_says_all_it_can_say() {
    let bytes = hex(include_str!("../golden/mqtt/v5/connack_full.hex"));
    let Ok(Packet::Connack(connack)) = read(&bytes, Version::V5) else { panic!("no CONNACK") };
    let said = connack.properties;
    assert!(connack.session_present);
    assert_eq!(said.session_expiry(), Some(120));
    assert_eq!(said.receive_maximum().get(), 16);
    assert_eq!(said.maximum_qos(), QoS::AtLeastOnce);
    assert_eq!(said.maximum_packet_size(), NonZeroU32::new(1_048_576));
    assert_eq!(said.assigned_client_id(), Some("auto-7f3a"));
    assert_eq!(said.topic_alias_maximum(), 32);
    assert_eq!(said.reason_string(), Some("welcome"));
    assert_eq!(said.user_properties().collect::<Vec<_>>(), [("node", "pi")]);
    assert!(!said.shared_subscription_available());
    assert_eq!(said.server_keep_alive(), Some(30));
    assert_eq!(said.response_information(), Some("pi/rpc/responses/auto-7f3a"));
    assert_eq!(said.server_reference(), Some("other:1883"));
    assert_eq!(said.authentication_method(), Some("SCRAM-SHA-256"));
    assert_eq!(said.authentication_data(), Some([7, 7].as_slice()));
}

#[test]
fn a_publish_keeps_the_order_of_what_repeats() {
    let bytes = hex(include_str!("../golden/mqtt/v5/publish_full.hex"));
    let Ok(Packet::Publish(publish)) = read(&bytes, Version::V5) else { panic!("no PUBLISH") };
    let said = publish.properties;
    assert!(said.payload_is_text());
    assert_eq!(said.message_expiry(), Some(30));
    assert_eq!(said.topic_alias(), NonZeroU16::new(7));
    assert_eq!(said.response_topic().map(TopicName::as_str), Some("pi/rpc/responses/grete"));
    assert_eq!(said.correlation_data(), Some([0, 0xFF, 0x10].as_slice()));
    assert_eq!(said.content_type(), Some("application/json"));
    assert_eq!(said.subscription_ids().map(NonZeroU32::get).collect::<Vec<_>>(), [1, 268_435_455]);
    assert_eq!(said.user_properties().collect::<Vec<_>>(), [("k", "1"), ("k", "2")]);
}

#[test]
fn a_forwarded_message_may_lose_a_property() {
    let mut properties: Properties =
        [Property::TopicAlias(NonZeroU16::MIN), Property::ContentType("a".into())].into_iter().collect();
    properties.retain(|property| !matches!(property, Property::TopicAlias(_)));
    assert_eq!(properties.as_slice(), [Property::ContentType("a".into())]);
}
