#include "Frame.h"

namespace gatekeeper {

Item Splitter::feed(char byte) {
  if (static_cast<uint8_t>(byte) < 0x20 || byte == 0x7F) return end(Item::None, 0);
  if (byte != '|') {
    // Outside of frames nothing counts but a word between two bars.
    if (length_ == 0) return Item::None;
    if (isFull()) return end(Item::Cut, lastBar());
  } else if (length_ != 0) {
    const uint16_t bar = lastBar();
    const Word word = wordOf(buffer_ + bar + 1);
    if (word == Word::End) return end(Item::Whole, bar);
    if (isFull() && word != Word::Start) return end(Item::Cut, length_);
    if (word == Word::Start) isInside_ = true;
    if (word == Word::Start || !isInside_) length_ = 0;
  }
  buffer_[length_++] = byte;
  return Item::None;
}

// Where the last bar is; what comes after it becomes a text.
uint16_t Splitter::lastBar() {
  uint16_t at = length_;
  buffer_[at] = '\0';
  while (buffer_[--at] != '|') {
  }
  return at;
}

Item Splitter::end(Item item, uint16_t fields) {
  const bool wasInside = isInside_;
  isInside_ = false;
  length_ = fields;
  return wasInside ? item : Item::None;
}

bool Splitter::parse(Frame& frame) {
  // The first bar is that of |START|.
  return length_ > 1 && frame.parse(buffer_ + 1, static_cast<uint16_t>(length_ - 1));
}

}  // namespace gatekeeper
