#include "Frame.h"

namespace gatekeeper {

Writer::Writer(char* buffer, uint16_t capacity) : buffer_(buffer), capacity_(capacity), length_(0), spoiled_(false) {
  plain(GATEKEEPER_TEXT("|START|"));
}

Writer& Writer::field(Text key, Text value) { return this->key(key).value(value).close(); }

Writer& Writer::field(Text key, Number value) { return this->key(key).number(value).close(); }

Writer& Writer::field(Text key, const char* bytes, uint16_t length) {
  this->key(key);
  while (length-- != 0) escaped(*bytes++);
  return close();
}

Writer& Writer::key(Text key) { return plain(key).raw('='); }

Writer& Writer::value(Text value) {
  if (value.isNone()) {
    spoiled_ = true;
    return *this;
  }
  for (uint16_t i = 0; value[i] != '\0'; i++) escaped(value[i]);
  return *this;
}

Writer& Writer::number(Number value) {
  if (value.isNone()) spoiled_ = true;
  uint32_t left = static_cast<uint32_t>(value.mantissa());
  if (value.mantissa() < 0) {
    raw('-');
    left = 0 - left;
  }
  char digits[11];
  uint8_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0 || (!value.isNone() && count <= value.decimals()));
  while (count != 0) {
    raw(digits[--count]);
    if (count != 0 && count == value.decimals()) raw('.');
  }
  return *this;
}

uint16_t Writer::finish() {
  plain(GATEKEEPER_TEXT("END|"));
  return spoiled_ ? 0 : length_;
}

Writer& Writer::raw(char byte) {
  if (length_ >= capacity_) spoiled_ = true;
  if (!spoiled_) buffer_[length_++] = byte;
  return *this;
}

Writer& Writer::plain(Text text) {
  for (uint16_t i = 0; text[i] != '\0'; i++) raw(text[i]);
  return *this;
}

Writer& Writer::escaped(char byte) {
  const uint8_t code = static_cast<uint8_t>(byte);
  if (code >= 0x20 && code != 0x7F && byte != '|' && byte != '%') return raw(byte);
  const uint8_t low = code & 15;
  raw('%').raw(static_cast<char>('0' + (code >> 4)));
  return raw(static_cast<char>(low < 10 ? '0' + low : 'A' + low - 10));
}

}  // namespace gatekeeper
