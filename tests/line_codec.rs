//! The line protocol's codec: golden frames, every way to cut them, and arbitrary bytes.

#[path = "support/golden_line.rs"]
mod golden;

use gpio_gatekeeper::wire::line::{Frame, FrameWriter, Item, Split, Splitter};
use proptest::prelude::*;

const MAXIMUM: usize = 4096;

/// Feeds `bytes` in pieces of `size`, and tells what was found and what was left over.
fn split_in_pieces(bytes: &[u8], size: usize, maximum: usize) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let mut splitter = Splitter::new(maximum);
    let (mut buffer, mut items) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        feed(&mut splitter, &mut buffer, &mut items);
        assert!(buffer.len() < maximum.max(7), "{} bytes are kept", buffer.len());
    }
    (items, buffer)
}

/// Takes every item out of `buffer`.
fn feed(splitter: &mut Splitter, buffer: &mut Vec<u8>, items: &mut Vec<(String, Vec<u8>)>) {
    let most = items.len() + buffer.len() + 1;
    loop {
        let Split { consumed, item } = splitter.split(buffer);
        let found = item.as_ref().map(describe);
        buffer.drain(..consumed);
        match found {
            Some(found) => items.push(found),
            None => break,
        }
        assert!(items.len() <= most, "an item comes again and again");
    }
}

fn describe(item: &Item<'_>) -> (String, Vec<u8>) {
    match item {
        Item::Frame(bytes) => ("frame".to_owned(), bytes.to_vec()),
        Item::Malformed(_) => ("malformed".to_owned(), Vec::new()),
        Item::TooLong { .. } => ("too_long".to_owned(), Vec::new()),
        Item::Stray => ("stray".to_owned(), Vec::new()),
    }
}

fn fields_of(frame: &Frame<'_>) -> Vec<(String, String)> {
    frame.fields().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Writes `fields` as the gatekeeper would, without the line feed that follows a frame.
fn write(fields: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FrameWriter::begin(&mut out);
    for (index, (key, value)) in fields.iter().enumerate() {
        // A key is a literal of the program; tests make theirs one.
        let key: &'static str = Box::leak(key.clone().into_boxed_str());
        writer = if index % 2 == 0 { writer.field(key, value) } else { writer.field_display(key, value) };
    }
    writer.end();
    assert_eq!(out.pop(), Some(b'\n'));
    out
}

#[test]
fn golden_frames_are_read_and_written_back() {
    for case in golden::cases("frames.txt") {
        let frame = Frame::parse(&case.bytes).expect(&case.name);
        assert_eq!(fields_of(&frame), case.fields, "{}", case.name);
        assert_eq!(write(&case.fields), case.bytes, "{}", case.name);
    }
}

#[test]
fn lenient_frames_are_read() {
    for case in golden::cases("lenient.txt") {
        let frame = Frame::parse(&case.bytes).expect(&case.name);
        assert_eq!(fields_of(&frame), case.fields, "{}", case.name);
        assert_ne!(write(&case.fields), case.bytes, "{}", case.name);
    }
}

#[test]
fn malformed_frames_are_refused_and_keep_their_id() {
    for case in golden::cases("malformed.txt") {
        let malformed = Frame::parse(&case.bytes).expect_err(&case.name);
        assert_eq!(malformed.id, case.id, "{}", case.name);
        assert!(!malformed.what.is_empty());
    }
}

#[test]
fn streams_split_alike_wherever_they_are_cut() {
    for case in golden::cases("stream.txt") {
        let maximum = case.maximum.unwrap_or(MAXIMUM);
        for size in 1..=case.bytes.len().max(1) {
            let (items, left) = split_in_pieces(&case.bytes, size, maximum);
            assert_eq!(items, case.items, "{} in pieces of {size}", case.name);
            assert!(left.is_empty(), "{} in pieces of {size} leaves {left:?}", case.name);
        }
    }
}

#[test]
fn golden_frames_split_alike_at_every_point() {
    for case in golden::cases("frames.txt").into_iter().chain(golden::cases("lenient.txt")) {
        for cut in 0..=case.bytes.len() {
            let mut splitter = Splitter::new(MAXIMUM);
            let (mut buffer, mut items) = (Vec::new(), Vec::new());
            for piece in [&case.bytes[..cut], &case.bytes[cut..]] {
                buffer.extend_from_slice(piece);
                feed(&mut splitter, &mut buffer, &mut items);
            }
            assert_eq!(items, [("frame".to_owned(), case.bytes.clone())], "{} cut at {cut}", case.name);
        }
    }
}

#[test]
fn a_strict_prefix_of_a_frame_needs_more_bytes() {
    for case in golden::cases("frames.txt").into_iter().chain(golden::cases("lenient.txt")) {
        for length in 0..case.bytes.len() {
            let prefix = &case.bytes[..length];
            let split = Splitter::new(MAXIMUM).split(prefix);
            assert_eq!(split, Split { consumed: 0, item: None }, "{}: {length} bytes", case.name);
            assert!(Frame::parse(prefix).is_err(), "{}: {length} bytes", case.name);
        }
    }
}

#[test]
fn a_changed_byte_never_panics() {
    for case in golden::cases("frames.txt").into_iter().chain(golden::cases("malformed.txt")) {
        for at in 0..case.bytes.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = case.bytes.clone();
                bytes[at] = byte;
                let _ = Frame::parse(&bytes);
                split_in_pieces(&bytes, bytes.len(), 64);
            }
        }
    }
}

#[test]
fn an_unfinished_frame_or_line_is_reported_at_the_end_of_the_stream() {
    let at_the_end = |bytes: &[u8]| {
        let mut splitter = Splitter::new(64);
        let mut buffer = bytes.to_vec();
        feed(&mut splitter, &mut buffer, &mut Vec::new());
        splitter.finish(&buffer).as_ref().map(|item| describe(item).0)
    };
    for (bytes, expected) in [
        (&b""[..], None),
        (b"|START|A=1|END|\r\n ", None),
        (b"|START|A=1|END|hello", Some("stray")),
        (b"|STA", Some("stray")),
        (b"|START|A=1|END", Some("malformed")),
        (b"|START|A=\x001|END|", None),
    ] {
        assert_eq!(at_the_end(bytes).as_deref(), expected, "{bytes:?}");
    }
}

#[test]
fn the_id_survives_a_frame_that_is_cut_off_or_too_long() {
    let id = |bytes: &[u8]| match Splitter::new(32).split(bytes).item {
        Some(Item::Malformed(malformed)) => malformed.id,
        Some(Item::TooLong { id }) => id,
        other => panic!("{other:?}"),
    };
    assert_eq!(id(b"|START|COMMAND=LIST|ID=7\n").as_deref(), Some("7"));
    assert_eq!(id(b"|START|ID=7|VALUE=000000000000000000000000|END|").as_deref(), Some("7"));
    assert_eq!(id(b"|START|VALUE=000000000000000000000000|ID=7|END|"), None);
}

#[test]
fn every_byte_is_looked_at_once_even_in_one_byte_reads() {
    // A frame of one huge field, byte by byte: quadratic work would take minutes.
    let mut bytes = b"|START|VALUE=".to_vec();
    bytes.resize(400_000, b'x');
    bytes.extend_from_slice(b"|END|");
    let mut splitter = Splitter::new(1 << 20);
    let frames = (1..=bytes.len()).filter(|end| splitter.split(&bytes[..*end]).item.is_some()).count();
    assert_eq!(frames, 1);
}

fn key() -> impl Strategy<Value = String> {
    "[A-Z][A-Z0-9_]{0,11}"
}

/// Bytes that often come close to a frame.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"|START|".to_vec()),
        Just(b"|END|".to_vec()),
        Just(b"END|".to_vec()),
        Just(b"START|".to_vec()),
        Just(b"|START|A=1|END|".to_vec()),
        Just(b"ID=%41".to_vec()),
        Just(b"|".to_vec()),
        Just(b"\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back(
        fields in prop::collection::btree_map(key(), any::<String>(), 1..12)
    ) {
        let fields: Vec<_> = fields.into_iter().collect();
        let bytes = write(&fields);
        prop_assert_eq!(fields_of(&Frame::parse(&bytes).expect("written by us")), fields);
        let items = split_in_pieces(&bytes, 3, 1 << 20).0;
        prop_assert_eq!(items, [("frame".to_owned(), bytes)]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Frame::parse(&bytes);
        let framed = [b"|START|", &bytes[..], b"|END|"].concat();
        let _ = Frame::parse(&framed);
    }

    #[test]
    fn a_stream_splits_alike_in_pieces_of_any_size(
        bytes in stream(), size in 1usize..40, maximum in 0usize..80
    ) {
        let whole = split_in_pieces(&bytes, bytes.len(), maximum);
        prop_assert_eq!(split_in_pieces(&bytes, size, maximum), whole);
    }

    #[test]
    fn a_frame_is_found_after_any_garbage(garbage in stream(), size in 1usize..40) {
        let good = b"|START|COMMAND=LIST|END|";
        let bytes = [&garbage[..], good].concat();
        let (items, left) = split_in_pieces(&bytes, size, 64);
        prop_assert_eq!(items.last(), Some(&("frame".to_owned(), good.to_vec())));
        prop_assert!(left.is_empty());
    }
}
