#include "Frame.h"

namespace gatekeeper {

namespace {

const char Start[] GATEKEEPER_PROGMEM = "|START|";
const char End[] GATEKEEPER_PROGMEM = "|END|";
// Marks of |END| are counted from here, so that one byte tells which of the two words it is.
const uint8_t EndMark = 16;

bool isControl(char byte) { return static_cast<uint8_t>(byte) < 0x20 || byte == 0x7F; }

bool isBlank(char byte) { return byte == '\r' || byte == '\n' || byte == ' ' || byte == '\t'; }

// The byte that goes on with this mark; a zero where it is complete.
char expected(uint8_t mark) {
  return mark < EndMark ? Text::inFlash(Start)[mark] : Text::inFlash(End)[static_cast<uint16_t>(mark - EndMark)];
}

}  // namespace

void Splitter::reset() {
  length_ = 0;
  mark_ = 0;
  place_ = Place::Between;
}

Item Splitter::feed(char byte) { return place_ == Place::Inside ? inside(byte) : outside(byte); }

Item Splitter::outside(char byte) {
  const bool goesOn = byte == expected(mark_);
  if (goesOn && ++mark_ < sizeof Start - 1) return Item::None;
  if (goesOn) {
    const Item before = place_ == Place::StrayText ? Item::Stray : Item::None;
    place_ = Place::Inside;
    length_ = 0;
    // The last bar of |START| may be the first one of |END|.
    mark_ = 1;
    return before;
  }
  const bool wasMark = mark_ != 0;
  mark_ = byte == '|' ? 1 : 0;
  if (place_ == Place::Between && (wasMark || (mark_ == 0 && !isBlank(byte)))) place_ = Place::StrayText;
  if (byte != '\n') return Item::None;
  const Item line = place_ == Place::StrayText ? Item::Stray : Item::None;
  if (place_ != Place::BrokenFrame) place_ = Place::Between;
  return line;
}

Item Splitter::inside(char byte) {
  if (mark_ == 1 && byte == 'E') mark_ = EndMark + 1;
  if (mark_ != 0 && byte == expected(mark_)) {
    mark_++;
    if (mark_ == EndMark + sizeof End - 1) {
      place_ = Place::Between;
      mark_ = 0;
      return Item::Whole;
    }
    if (mark_ == sizeof Start - 1) {
      length_ = 0;
      mark_ = 1;
    }
    return Item::None;
  }
  const bool fits = keepMark() && (byte == '|' || isControl(byte) || keep(byte));
  mark_ = byte == '|' ? 1 : 0;
  if (!fits) {
    place_ = Place::BrokenFrame;
    return Item::Cut;
  }
  if (!isControl(byte)) return Item::None;
  place_ = byte == '\r' || byte == '\n' ? Place::Between : Place::BrokenLine;
  return Item::Malformed;
}

// Keeps what looked like the beginning of |START| or |END|.
bool Splitter::keepMark() {
  const uint8_t first = mark_ < EndMark ? 0 : EndMark;
  if (mark_ == 0) return true;
  // The field before this bar is whole, so that nothing has to be cut off.
  if (isFull()) return false;
  buffer_[length_++] = '|';
  for (uint8_t i = static_cast<uint8_t>(first + 1); i < mark_; i++) {
    if (!keep(expected(i))) return false;
  }
  return true;
}

// Keeps a byte of a field; where it does not fit the field is cut off.
bool Splitter::keep(char byte) {
  if (!isFull()) {
    buffer_[length_++] = byte;
    return true;
  }
  while (length_ != 0 && buffer_[--length_] != '|') {
  }
  return false;
}

bool Splitter::parse(Frame& frame) {
  // The first bar is that of |START|.
  return length_ > 1 && frame.parse(buffer_ + 1, static_cast<uint16_t>(length_ - 1));
}

}  // namespace gatekeeper
