#include "Frame.h"

#include <string.h>

namespace gatekeeper {

namespace {

const uint32_t PowersOfTen[] GATEKEEPER_PROGMEM = {1,      10,      100,      1000,      10000,
                                                   100000, 1000000, 10000000, 100000000, 1000000000};

}  // namespace

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

// Small processors divide slowly and with much code; they take away powers of ten instead.
Writer& Writer::digits(uint32_t value, uint8_t decimals) {
  bool isBegun = false;
  for (uint8_t place = 9;; place--) {
    const uint32_t power = GATEKEEPER_READ_32(PowersOfTen + place);
    char digit = '0';
    for (; value >= power; value -= power) digit++;
    if (digit != '0' || place <= decimals) isBegun = true;
    if (isBegun) raw(digit);
    if (place == 0) return *this;
    if (place == decimals) raw('.');
  }
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
