// The codec: finds frames in a stream of bytes, reads their fields, and writes frames. No socket, no clock, no allocation.
//
//   |START|EVENT=STATE|DEVICE=led|VALUE=1|END|
//
// A Splitter takes bytes one by one and says when a frame is there; the Frame is then a view into the Splitter's buffer. A
// Writer puts frames into a buffer of the caller's, each as a whole or not at all. protocol.md says what the bytes mean.
#pragma once

#include "Words.h"

namespace gatekeeper {

// The fields of a frame. It is a view: it is good until the next byte goes into its Splitter.
class Frame {
 public:
  Frame() : fields_(""), length_(0) {}

  // Reads the fields in `bytes`, which stand between |START| and |END|, in place; `length` excludes one byte more that
  // there has to be after them. False, and no fields, where they are no frame: no field, an empty field, a bad key, a bad
  // escape, a byte 0xFF.
  bool parse(char* bytes, uint16_t length);

  // The value of a field, without escapes and with a zero after it; null where the frame does not have it.
  const char* value(Text key) const;
  // The value, or an empty text.
  const char* text(Text key) const;
  const char* text(Word key) const;
  // The value, where it is a word of the protocol.
  Word word(Word key) const;
  bool has(Text key) const { return value(key) != nullptr; }
  // Whether the field is there with this value.
  bool is(Text key, Text value) const { return Text(this->value(key)).equals(value); }
  // The value times 10^`decimals`, further digits cut off; 0 where there is none, it is no number, or too large:
  // fixed("VALUE", 2) of VALUE=0.256 is 25.
  int32_t fixed(Text key, uint8_t decimals) const;
  int32_t fixed(Word key, uint8_t decimals) const { return fixed(textOf(key), decimals); }
  // The value as a number of up to 3 decimals and 2,147,483; 0 where there is none.
  float number(Text key) const { return static_cast<float>(fixed(key, 3)) / 1000.0f; }

  // The fields by their place, from 0: the key is at `key` and `keyLength` long. False after the last one.
  bool at(uint16_t index, const char*& key, uint16_t& keyLength, const char*& value, uint16_t& length) const;
  // The first letter of the first key, which tells what a frame of the gatekeeper is: Reply, Event or Command.
  char kind() const { return length_ == 0 ? '\0' : *fields_; }

 private:
  // KEY 0xFF value 0x00 KEY 0xFF value 0x00: no UTF-8 has a byte 0xFF, and no key a zero.
  const char* fields_;
  uint16_t length_;
};

// What a byte has completed.
enum class Item : uint8_t {
  None,   // more bytes are needed
  Whole,  // a frame that looks whole
  Cut,    // a frame longer than the buffer: the whole fields that fit are there, the rest is skipped
};

// Splits a stream into frames, in whatever pieces it comes. What is no frame is skipped: it is for the gatekeeper to say so,
// not for its clients.
class Splitter {
 public:
  // Keeps one frame at a time in `buffer`, of at least 16 bytes: a frame of `capacity` + 6 bytes fits.
  Splitter(char* buffer, uint16_t capacity) : buffer_(buffer), capacity_(capacity) { reset(); }

  // Takes the next byte.
  Item feed(char byte);
  // After Item::Whole or Item::Cut: reads the fields. False where they are no frame.
  bool parse(Frame& frame);
  // Begins anew, as with a new connection.
  void reset() {
    isInside_ = false;
    length_ = 0;
  }

 private:
  bool isFull() const { return length_ + 1 >= capacity_; }
  uint16_t lastBar();
  Item end(Item item, uint16_t fields);

  char* buffer_;
  uint16_t capacity_;
  // Bytes from the last bar of |START| on; outside of frames those of the last frame, or from the last bar on.
  uint16_t length_;
  bool isInside_;
};

// Writes frames one after the other into a buffer, from which they are sent.
class Writer {
 public:
  Writer(char* buffer, uint16_t capacity);

  // Begins a frame; one that was not finished is gone. After the first thing that does not fit nothing more is written.
  Writer& start();
  // Values are escaped here. A Text that is none, and a Number that is none, spoil the frame.
  Writer& field(Text key, Text value) { return this->key(key).value(value).close(); }
  Writer& field(Text key, Number value) { return this->key(key).number(value).close(); }
  Writer& field(Word key, Text value);
  Writer& field(Word key, Word value);
  Writer& field(Word key, uint16_t value);
  // A value that may have zeros in it.
  Writer& field(Text key, const char* bytes, uint16_t length);
  // The parts of a value: key(), then any number of value() and number(), then close().
  Writer& key(Text key);
  Writer& key(Word key) { return this->key(textOf(key)); }
  Writer& value(Text value);
  Writer& value(Word value) { return this->value(textOf(value)); }
  Writer& number(Number value);
  Writer& digits(uint32_t value, uint8_t decimals);
  Writer& close() { return raw('|'); }
  void spoil() { at_ = nullptr; }
  // Ends the frame; false where it did not fit, and then it is gone.
  bool finish();

  // The finished frames; behind them is room for a zero.
  char* bytes() const { return buffer_; }
  uint16_t length() const { return static_cast<uint16_t>(finished_ - buffer_); }
  // Takes away the first bytes of them, which are at most length().
  void drop(uint16_t count);
  // Takes away all of them.
  void clear() { finished_ = buffer_; }

 private:
  Writer& raw(char byte);
  Writer& plain(Text text);
  Writer& escaped(char byte);

  char* buffer_;
  char* end_;
  char* finished_;
  // Null after something did not fit.
  char* at_;
};

}  // namespace gatekeeper
