#include "Frame.h"

namespace gatekeeper {

namespace {

const char KeyEnd = '\xFF';

bool isKeyCharacter(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The value of a hexadecimal digit; above 15 where it is none.
uint8_t hexadecimal(char c) {
  const uint8_t digit = static_cast<uint8_t>(c - '0');
  if (digit < 10) return digit;
  const uint8_t letter = static_cast<uint8_t>((c | 0x20) - 'a');
  return letter < 6 ? static_cast<uint8_t>(letter + 10) : 255;
}

// Where the field after this value begins. The zero before its key is what ends the value; there may be others in it.
const char* next(const char* value, const char* end) {
  while (value < end && *value != KeyEnd) value++;
  while (*--value != '\0') {
  }
  return value + 1;
}

}  // namespace

bool Frame::parse(char* bytes, uint16_t length) {
  fields_ = bytes;
  length_ = 0;
  // Every field ends with a bar, the last one with that of |END|; it is no digit either, so that nothing reads beyond it.
  bytes[length] = '|';
  char* to = bytes;
  for (const char* from = bytes; from <= bytes + length;) {
    if (*from < 'A' || *from > 'Z') return false;
    while (isKeyCharacter(*from)) *to++ = *from++;
    if (*from++ != '=') return false;
    *to++ = KeyEnd;
    char c;
    while ((c = *from++) != '|') {
      if (c == '%') {
        const uint8_t high = hexadecimal(*from++);
        if (high > 15) return false;
        const uint8_t low = hexadecimal(*from++);
        if (low > 15) return false;
        c = static_cast<char>(high << 4 | low);
      }
      if (c == KeyEnd) return false;
      *to++ = c;
    }
    *to++ = '\0';
  }
  length_ = static_cast<uint16_t>(to - bytes);
  return true;
}

const char* Frame::value(Text key) const {
  const char* at = fields_;
  const char* const end = at + length_;
  while (at < end) {
    uint16_t same = 0;
    char c;
    while ((c = key[same]) != '\0' && c == *at) at++, same++;
    const bool isFound = c == '\0' && *at == KeyEnd;
    while (*at++ != KeyEnd) {
    }
    if (isFound) return at;
    at = next(at, end);
  }
  return nullptr;
}

const char* Frame::text(Text key) const {
  const char* found = value(key);
  return found == nullptr ? "" : found;
}

const char* Frame::text(Word key) const { return text(textOf(key)); }

Word Frame::word(Word key) const { return wordOf(text(key)); }

bool Frame::at(uint16_t index, const char*& key, uint16_t& keyLength, const char*& value, uint16_t& length) const {
  const char* const end = fields_ + length_;
  for (const char* field = fields_; field < end;) {
    key = field;
    while (*field != KeyEnd) field++;
    keyLength = static_cast<uint16_t>(field - key);
    value = ++field;
    field = next(value, end);
    length = static_cast<uint16_t>(field - 1 - value);
    if (index-- == 0) return true;
  }
  return false;
}

int32_t Frame::fixed(Text key, uint8_t decimals) const {
  const char* at = text(key);
  const bool isNegative = *at == '-';
  if (isNegative) at++;
  int32_t sum = 0;
  bool isFraction = false;
  for (;;) {
    uint8_t digit = static_cast<uint8_t>(*at - '0');
    if (*at == '\0') {
      if (decimals == 0) break;
      isFraction = true;
      digit = 0;
    } else {
      at++;
    }
    if (digit == static_cast<uint8_t>('.' - '0') && !isFraction) {
      isFraction = true;
      continue;
    }
    if (digit > 9 || sum > INT32_MAX / 10 - 1) return 0;
    if (isFraction) {
      if (decimals == 0) continue;
      decimals--;
    }
    sum = sum * 10 + digit;
  }
  return isNegative ? -sum : sum;
}

}  // namespace gatekeeper
