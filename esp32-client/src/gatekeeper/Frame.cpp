#include "Frame.h"

namespace gatekeeper {

namespace {

const char KeyEnd = '\xFF';

bool isKeyCharacter(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

int8_t hexadecimal(char c) {
  if (c >= '0' && c <= '9') return static_cast<int8_t>(c - '0');
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? static_cast<int8_t>(c - 'a' + 10) : -1;
}

bool equals(const char* bytes, uint16_t length, Text text) {
  for (uint16_t i = 0; i < length; i++) {
    const char c = text[i];
    if (c == '\0' || c != bytes[i]) return false;
  }
  return text[length] == '\0';
}

}  // namespace

// Where the next field is looked for.
struct Frame::Cursor {
  const char* at;
  const char* end;
  const char* key;
  uint8_t keyLength;
  const char* value;
  uint16_t length;

  explicit Cursor(const Frame& frame) : at(frame.fields_), end(frame.fields_ + frame.length_) {}

  bool next() {
    if (at >= end) return false;
    key = at;
    while (*at != KeyEnd) at++;
    keyLength = static_cast<uint8_t>(at - key);
    value = ++at;
    // The zero before the next key ends the value; there may be others in it.
    while (at < end && *at != KeyEnd) at++;
    if (at < end) {
      while (*--at != '\0') {
      }
      length = static_cast<uint16_t>(at++ - value);
    } else {
      length = static_cast<uint16_t>(at - 1 - value);
    }
    return true;
  }
};

bool Frame::parse(char* bytes, uint16_t length) {
  fields_ = bytes;
  length_ = 0;
  // Every field ends with a bar, the last one with that of |END|.
  bytes[length] = '|';
  char* to = bytes;
  for (uint16_t from = 0; from <= length; from++) {
    const char* key = to;
    while (isKeyCharacter(bytes[from])) *to++ = bytes[from++];
    const uint16_t keyLength = static_cast<uint16_t>(to - key);
    if (bytes[from] != '=' || keyLength == 0 || keyLength > 64 || *key < 'A' || *key > 'Z') return length_ = 0, false;
    Cursor earlier(*this);
    while (earlier.next()) {
      if (earlier.keyLength != keyLength) continue;
      uint16_t same = 0;
      while (same < keyLength && earlier.key[same] == key[same]) same++;
      if (same == keyLength) return length_ = 0, false;
    }
    *to++ = KeyEnd;
    for (from++; bytes[from] != '|'; from++) {
      char c = bytes[from];
      if (c == '%') {
        // The bar at the end is no digit, so this never reads beyond it.
        const int8_t high = hexadecimal(bytes[from + 1]);
        const int8_t low = high < 0 ? -1 : hexadecimal(bytes[from + 2]);
        if (low < 0) return length_ = 0, false;
        c = static_cast<char>(high << 4 | low);
        from = static_cast<uint16_t>(from + 2);
      }
      if (static_cast<uint8_t>(c) >= 0xF8) return length_ = 0, false;
      *to++ = c;
    }
    *to++ = '\0';
    length_ = static_cast<uint16_t>(to - bytes);
  }
  return true;
}

const char* Frame::find(Text key, uint16_t* length) const {
  Cursor field(*this);
  while (field.next()) {
    if (!equals(field.key, field.keyLength, key)) continue;
    if (length != nullptr) *length = field.length;
    return field.value;
  }
  return nullptr;
}

const char* Frame::text(Text key) const {
  const char* found = value(key);
  return found == nullptr ? "" : found;
}

bool Frame::is(Text key, Text value) const { return Text(this->value(key)).equals(value); }

bool Frame::isFirst(Text key) const {
  Cursor field(*this);
  return field.next() && equals(field.key, field.keyLength, key);
}

bool Frame::at(uint16_t index, const char*& key, uint8_t& keyLength, const char*& value, uint16_t& length) const {
  Cursor field(*this);
  do {
    if (!field.next()) return false;
  } while (index-- != 0);
  key = field.key;
  keyLength = field.keyLength;
  value = field.value;
  length = field.length;
  return true;
}

int32_t Frame::fixed(Text key, uint8_t decimals, int32_t otherwise) const {
  const char* digit = value(key);
  if (digit == nullptr) return otherwise;
  const bool negative = *digit == '-';
  if (negative) digit++;
  if (*digit == '\0') return otherwise;
  int32_t sum = 0;
  bool isFraction = false;
  while (*digit != '\0' || decimals != 0) {
    uint8_t next = 0;
    if (*digit == '.' && !isFraction) {
      isFraction = true;
      digit++;
      continue;
    }
    if (*digit != '\0') {
      next = static_cast<uint8_t>(*digit++ - '0');
      if (next > 9) return otherwise;
    } else {
      isFraction = true;
    }
    if (isFraction) {
      if (decimals == 0) continue;
      decimals--;
    }
    if (sum > (INT32_MAX - 9) / 10) return otherwise;
    sum = sum * 10 + next;
  }
  return negative ? -sum : sum;
}

}  // namespace gatekeeper
