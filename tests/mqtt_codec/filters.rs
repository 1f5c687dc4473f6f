//! Topic names and topic filters, with the examples of section 4.7.

use gpio_gatekeeper::wire::mqtt::{ReasonCode, TopicFilter, TopicName};

fn matches(filter: &str, name: &str) -> bool {
    TopicFilter::parse(filter).unwrap().matches(&TopicName::parse(name).unwrap())
}

// [MQTT-4.7.1-1..2] [MQTT-4.7.2-1] [MQTT-4.7.3-4]
#[test]
fn filters_match_as_in_the_standard() {
    let table = [
        // Section 4.7.1.2
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/tennis/player1/#", "sport/tennis/player2", false),
        ("sport/#", "sport", true),
        ("sport/#", "sports", false),
        ("#", "sport", true),
        ("#", "sport/tennis", true),
        ("#", "/", true),
        // Section 4.7.1.3
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player2", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "sport", true),
        ("+", "/sport", false),
        ("+/tennis/#", "sport/tennis", true),
        ("+/tennis/#", "sport/tennis/a/b", true),
        ("+/tennis/#", "sport/golf", false),
        ("sport/+/player1", "sport/tennis/player1", true),
        ("sport/+/player1", "sport/player1", false),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        // Section 4.7.2
        ("#", "$SYS/uptime", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("+", "$SYS", false),
        ("$SYS/#", "$SYS/", true),
        ("$SYS/#", "$SYS/a/b", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("$share/g/#", "$SYS/uptime", false),
        ("$share/g/$SYS/#", "$SYS/uptime", true),
        // Section 4.7.3
        ("ACCOUNTS", "Accounts", false),
        ("Accounts payable", "Accounts payable", true),
        ("/finance", "finance", false),
        ("finance/", "finance", false),
        ("a//b", "a//b", true),
        ("a/+/b", "a//b", true),
        ("a/b", "a/b/c", false),
        ("a/b/c", "a/b", false),
        // Section 4.8.2: [MQTT-4.8.2-1..2]
        ("$share/consumer1/sport/tennis/+", "sport/tennis/player1", true),
        ("$share/consumer1//finance", "/finance", true),
        ("$share/consumer1/sport", "$share/consumer1/sport", false),
        ("$share", "$share", true),
    ];
    for (filter, name, expected) in table {
        assert_eq!(matches(filter, name), expected, "{filter} and {name}");
    }
}

// [MQTT-4.7.3-1..3]
#[test]
fn wrong_filters_are_refused() {
    let table = [
        "",
        "sport/tennis#",
        "sport/tennis/#/ranking",
        "#/",
        "##",
        "sport+",
        "+sport",
        "sport/+a/b",
        "a\0b",
        "$share/",
        "$share/group",
        "$share/group/",
        "$share//a",
        "$share/gr+up/a",
        "$share/#/a",
        "$share/+/a",
        "$share/group/a#",
    ];
    for filter in table {
        let error = TopicFilter::parse(filter).unwrap_err();
        assert_eq!(error.reason, ReasonCode::TopicFilterInvalid, "{filter}");
    }
    assert!(TopicFilter::parse(&"a".repeat(65_535)).is_ok());
    assert!(TopicFilter::parse(&"a".repeat(65_536)).is_err());
}

// [MQTT-4.7.0-1] [MQTT-4.7.3-1..3]
#[test]
fn wrong_names_are_refused() {
    for name in ["", "a/+", "#", "a+b", "a\0"] {
        assert_eq!(TopicName::parse(name).unwrap_err().reason, ReasonCode::TopicNameInvalid, "{name}");
    }
    assert!(TopicName::parse(&"a".repeat(65_535)).is_ok());
    assert!(TopicName::parse(&"a".repeat(65_536)).is_err());
}

#[test]
fn a_shared_filter_shows_its_parts() {
    let filter = TopicFilter::parse("$share/group/a/+").unwrap();
    assert_eq!(filter.as_str(), "$share/group/a/+");
    assert_eq!(filter.share(), Some("group"));
    assert_eq!(filter.filter(), "a/+");
    assert_eq!(filter.levels().collect::<Vec<_>>(), ["a", "+"]);
    assert!(filter.has_wildcard());
}

#[test]
fn a_plain_filter_has_no_group() {
    for text in ["a", "$share", "$SYS/#", "a/$share/b"] {
        let filter = TopicFilter::parse(text).unwrap();
        assert_eq!((filter.share(), filter.filter()), (None, text));
    }
}
