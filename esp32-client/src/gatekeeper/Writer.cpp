#include "Frame.h"

#include <string.h>

namespace gatekeeper {

Writer::Writer(char* buffer, uint16_t capacity)
    : buffer_(buffer), end_(buffer + capacity - 1), finished_(buffer), at_(nullptr) {}

Writer& Writer::start() {
  at_ = finished_;
  return raw('|').plain(textOf(Word::Start)).close();
}

Writer& Writer::field(Word key, Text value) { return this->key(key).value(value).close(); }

Writer& Writer::field(Word key, Word value) { return field(key, textOf(value)); }

Writer& Writer::field(Word key, uint16_t value) { return this->key(key).digits(value, 0).close(); }

Writer& Writer::field(Text key, const char* bytes, uint16_t length) {
  this->key(key);
  while (length-- != 0) escaped(*bytes++);
  return close();
}

Writer& Writer::key(Text key) { return plain(key).raw('='); }

Writer& Writer::value(Text value) {
  if (value.isNone()) {
    spoil();
    return *this;
  }
  char c;
  for (uint16_t i = 0; (c = value[i]) != '\0'; i++) escaped(c);
  return *this;
}

Writer& Writer::number(Number value) {
  if (value.isNone()) {
    spoil();
    return *this;
  }
  uint32_t magnitude = static_cast<uint32_t>(value.mantissa());
  if (value.mantissa() < 0) {
    raw('-');
    magnitude = 0 - magnitude;
  }
  return digits(magnitude, value.decimals());
}

Writer& Writer::digits(uint32_t value, uint8_t decimals) {
  char backwards[12];
  uint8_t count = 0;
  // At least one digit before the point.
  for (uint8_t least = static_cast<uint8_t>(decimals + 1); value != 0 || least != 0;) {
    if (count != 0 && count == decimals) backwards[count++] = '.';
    const uint32_t rest = value / 10;
    backwards[count++] = static_cast<char>('0' + static_cast<uint8_t>(static_cast<uint8_t>(value) - static_cast<uint8_t>(rest) * 10));
    value = rest;
    if (least != 0) least--;
  }
  while (count != 0) raw(backwards[--count]);
  return *this;
}

bool Writer::finish() {
  plain(textOf(Word::End)).close();
  if (at_ == nullptr) return false;
  finished_ = at_;
  return true;
}

void Writer::drop(uint16_t count) {
  finished_ -= count;
  memmove(buffer_, buffer_ + count, length());
}

Writer& Writer::raw(char byte) {
  if (at_ == end_) spoil();
  if (at_ != nullptr) *at_++ = byte;
  return *this;
}

Writer& Writer::plain(Text text) {
  char c;
  for (uint16_t i = 0; (c = text[i]) != '\0'; i++) raw(c);
  return *this;
}

Writer& Writer::escaped(char byte) {
  const uint8_t code = static_cast<uint8_t>(byte);
  if (code >= 0x20 && code != 0x7F && byte != '|' && byte != '%') return raw(byte);
  const uint8_t low = code & 15;
  return raw('%').raw(static_cast<char>('0' + (code >> 4))).raw(static_cast<char>(low < 10 ? '0' + low : 'A' - 10 + low));
}

}  // namespace gatekeeper
