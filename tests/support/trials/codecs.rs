//! The codecs: packets, frames and filters.

use gpio_gatekeeper::wire::line::{Frame, FrameWriter, Item, Split as LineSplit, Splitter};
use gpio_gatekeeper::wire::mqtt::{
    LARGEST_PACKET, Packet, PublishView, Split, TopicFilter, TopicName, Version, decode, dialect, encode,
    split,
};

use super::choices::Choices;

/// Bytes as a stream of packets: what can be read can be written, and reads the same again.
pub fn packet(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Split::Packet { frame, length }) = split(rest, LARGEST_PACKET) {
        assert!((2..=rest.len()).contains(&length));
        assert!(
            matches!(split(&rest[..length - 1], LARGEST_PACKET), Ok(Split::NeedMore)),
            "a prefix is no packet"
        );
        let _ = dialect(&frame);
        for version in [Version::V3, Version::V5] {
            let Ok(packet) = decode(&frame, version) else { continue };
            let mut again = Vec::new();
            encode(&packet, version, &mut again).expect("what was read can be written");
            let Ok(Split::Packet { frame, length }) = split(&again, LARGEST_PACKET) else {
                panic!("{again:02x?}")
            };
            assert_eq!(length, again.len());
            assert_eq!(decode(&frame, version).as_ref(), Ok(&packet));
            if let (Packet::Publish(publish), Version::V5) = (&packet, version) {
                assert_eq!(PublishView::from(publish).encoded_size(version), again.len());
            }
        }
        rest = &rest[length..];
    }
}

/// A key stands once in a frame.
const KEYS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// Bytes as a stream of frames: cut wherever it may be, the same comes out; and what can be read can be written.
pub fn line(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (maximum, size) = (choices.below(200), 1 + choices.below(40));
    let stream = bytes.get(2..).unwrap_or_default();
    let whole = frames(stream, stream.len(), maximum);
    assert_eq!(frames(stream, size, maximum), whole);
    for (kind, frame) in whole {
        let Some(Ok(frame)) = (kind == "frame").then(|| Frame::parse(&frame)) else { continue };
        let mut out = Vec::new();
        let mut writer = FrameWriter::begin(&mut out);
        for ((_, value), key) in frame.fields().zip(KEYS) {
            writer = writer.field(key, value);
        }
        writer.end();
        assert_eq!(out.pop(), Some(b'\n'));
        let again = Frame::parse(&out).expect("what was written can be read");
        assert!(
            again
                .fields()
                .map(|(_, value)| value)
                .eq(frame.fields().map(|(_, value)| value).take(KEYS.len()))
        );
    }
}

/// What is found in a stream that comes in pieces of this size.
fn frames(stream: &[u8], size: usize, maximum: usize) -> Vec<(&'static str, Vec<u8>)> {
    let (mut splitter, mut buffer, mut found) = (Splitter::new(maximum), Vec::new(), Vec::new());
    for piece in stream.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let LineSplit { consumed, item } = splitter.split(&buffer);
            match item {
                Some(Item::Frame(bytes)) => found.push(("frame", bytes.to_vec())),
                Some(Item::Malformed(malformed)) => {
                    found.push(("malformed", malformed.id.unwrap_or_default().into()))
                }
                Some(Item::TooLong { id }) => found.push(("too long", id.unwrap_or_default().into())),
                Some(Item::Stray) => found.push(("stray", Vec::new())),
                None => {
                    buffer.drain(..consumed);
                    break;
                }
            }
            buffer.drain(..consumed);
            assert!(found.len() <= stream.len() + 1, "an item comes again and again");
        }
        assert!(buffer.len() < maximum.max(7), "{} bytes are kept", buffer.len());
    }
    found
}

/// Two texts, parted by a line feed, as filter and topic: whether they match is what a plain reading of the rules says.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, ""));
    let (filter, name) = (TopicFilter::parse(first), TopicName::parse(second));
    if let Ok(filter) = &filter {
        assert_eq!(TopicFilter::parse(filter.as_str()).as_ref(), Ok(filter));
        assert_eq!(filter.share().is_some(), first.starts_with("$share/"));
        assert!(filter.as_str().ends_with(filter.filter()));
    }
    let (Ok(filter), Ok(name)) = (filter, name) else { return };
    let hidden = name.as_str().starts_with('$') && filter.filter().starts_with(['+', '#']);
    let levels: Vec<&str> = filter.filter().split('/').collect();
    let names: Vec<&str> = name.as_str().split('/').collect();
    assert_eq!(filter.matches(&name), !hidden && plainly(&levels, &names), "{filter} {name}");
}

fn plainly(levels: &[&str], names: &[&str]) -> bool {
    match (levels, names) {
        (["#"], _) | ([], []) => true,
        ([level, levels @ ..], [name, names @ ..]) => {
            (*level == "+" || level == name) && plainly(levels, names)
        }
        _ => false,
    }
}
