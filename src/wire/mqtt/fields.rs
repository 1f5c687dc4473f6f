//! The kinds of fields from which every packet is made (section 1.5): strings, binary data, lengths.

use std::num::NonZeroU16;

use super::frame::MAXIMUM_REMAINING_LENGTH;
use super::{Malformed, PacketId, ReasonCode};
use crate::wire::reader::Reader;

pub(super) fn binary<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = reader.u16()?;
    Ok(reader.bytes(usize::from(length))?)
}

pub(super) fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    // [MQTT-1.5.4-1] Rust's strings exclude surrogates, too; [MQTT-1.5.4-3] and keep a byte order mark.
    let text =
        std::str::from_utf8(binary(reader)?).map_err(|_| Malformed::packet("a string is not UTF-8"))?;
    check_text(text)?;
    Ok(text)
}

/// What a Rust string may hold and a string of MQTT may not.
fn check_text(text: &str) -> Result<(), Malformed> {
    // [MQTT-1.5.4-2]
    if text.contains('\0') { Err(Malformed::packet("a string contains U+0000")) } else { Ok(()) }
}

pub(super) fn packet_id(reader: &mut Reader<'_>) -> Result<PacketId, Malformed> {
    // [MQTT-2.2.1-3]
    NonZeroU16::new(reader.u16()?).ok_or(Malformed::protocol("the packet identifier is zero"))
}

pub(super) fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

pub(super) fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_be_bytes());
}

pub(super) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Malformed> {
    let length = u16::try_from(bytes.len())
        .map_err(|_| Malformed::packet("a string or binary data is longer than 65535 bytes"))?;
    put_u16(out, length);
    out.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), Malformed> {
    check_text(text)?;
    put_binary(out, text.as_bytes())
}

pub(super) fn put_varint(out: &mut Vec<u8>, number: usize) -> Result<(), Malformed> {
    let (bytes, count) = varint(number)?;
    out.extend_from_slice(&bytes[..count]);
    Ok(())
}

/// Writes the length of everything from `start` on in front of it.
pub(super) fn insert_length(out: &mut Vec<u8>, start: usize) -> Result<(), Malformed> {
    let (bytes, count) = varint(out.len() - start)?;
    out.splice(start..start, bytes.into_iter().take(count));
    Ok(())
}

/// How many bytes a variable byte integer takes.
pub(super) fn varint_size(number: usize) -> usize {
    match number {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

fn varint(number: usize) -> Result<([u8; 4], usize), Malformed> {
    if number > MAXIMUM_REMAINING_LENGTH {
        return Err(Malformed::new(ReasonCode::PacketTooLarge, "a length is more than 268435455"));
    }
    let count = varint_size(number);
    let mut bytes = [0; 4];
    for (position, byte) in bytes.iter_mut().enumerate().take(count) {
        let more = if position + 1 < count { 0x80 } else { 0 };
        *byte = (number >> (7 * position)) as u8 & 0x7F | more;
    }
    Ok((bytes, count))
}
