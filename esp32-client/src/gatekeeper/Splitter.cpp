#include "Frame.h"

namespace gatekeeper {

namespace {

// |START|, of which the bars are not kept.
const uint8_t StartLength = 7;

char ofStart(uint8_t index) {
  const bool isBar = index == 0 || index == StartLength - 1;
  return isBar ? '|' : textOf(Word::Start)[static_cast<uint16_t>(index - 1)];
}

}  // namespace

void Splitter::reset() {
  mark_ = 0;
  place_ = Place::Between;
}

Item Splitter::feed(char byte) { return place_ == Place::Inside ? inside(byte) : outside(byte); }

Item Splitter::outside(char byte) {
  Item item = Item::None;
  const uint8_t mark = mark_;
  mark_ = 0;
  if (byte == ofStart(mark)) {
    mark_ = static_cast<uint8_t>(mark + 1);
    if (mark_ < StartLength) return item;
    if (place_ == Place::StrayText) item = Item::Stray;
    place_ = Place::Inside;
    *buffer_ = '|';
    length_ = 1;
    return item;
  }
  if (byte == '|') mark_ = 1;
  const bool isBlank = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '|';
  if (place_ == Place::Between && (mark != 0 || !isBlank)) place_ = Place::StrayText;
  if (byte == '\n' && place_ != Place::BrokenFrame) {
    if (place_ == Place::StrayText) item = Item::Stray;
    place_ = Place::Between;
  }
  return item;
}

Item Splitter::inside(char byte) {
  const bool isFull = length_ + 1 >= capacity_;
  if (byte == '|' || isFull) {
    buffer_[length_] = '\0';
    uint16_t bar = length_;
    while (buffer_[--bar] != '|') {
    }
    const Word word = byte == '|' ? wordOf(buffer_ + bar + 1) : Word::Unknown;
    if (word == Word::Start) length_ = 0;
    if (word == Word::End) {
      length_ = bar;
      reset();
      return Item::Whole;
    }
    if (isFull && word != Word::Start) return cut(byte, bar);
  }
  if (static_cast<uint8_t>(byte) < 0x20 || byte == 0x7F) {
    reset();
    if (byte != '\r' && byte != '\n') place_ = Place::BrokenLine;
    return Item::Malformed;
  }
  buffer_[length_++] = byte;
  return Item::None;
}

// Keeps the whole fields. What is cut off may be the beginning of a |START|.
Item Splitter::cut(char byte, uint16_t bar) {
  reset();
  place_ = Place::BrokenFrame;
  while (bar + mark_ < length_ && buffer_[bar + mark_] == ofStart(mark_)) mark_++;
  if (bar + mark_ != length_) mark_ = 0;
  outside(byte);
  if (byte != '|') length_ = bar;
  return Item::Cut;
}

bool Splitter::parse(Frame& frame) {
  // The first bar is that of |START|.
  return length_ > 1 && frame.parse(buffer_ + 1, static_cast<uint16_t>(length_ - 1));
}

}  // namespace gatekeeper
