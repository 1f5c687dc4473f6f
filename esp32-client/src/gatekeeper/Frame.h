// The codec: finds frames in a stream of bytes, reads their fields, and writes frames. No socket, no clock, no allocation.
//
//   |START|EVENT=STATE|DEVICE=led|VALUE=1|END|
//
// A Splitter takes bytes one by one and says when a frame is there; the Frame is then a view into the Splitter's buffer. A
// Writer puts a frame into a buffer of the caller's, as a whole or not at all. protocol.md says what the bytes mean.
#pragma once

#include "Text.h"

namespace gatekeeper {

// The fields of a frame. It is a view: it is good until the next byte goes into its Splitter.
class Frame {
 public:
  Frame() : fields_(""), length_(0) {}

  // Reads the fields in `bytes`, which stand between |START| and |END|, in place; `length` excludes the byte for a zero
  // that there has to be after them. False, and nothing else, where they are no frame: no field, an empty field, a bad
  // key, a key that stands twice, a bad escape, bytes that no UTF-8 has.
  bool parse(char* bytes, uint16_t length);

  // The value of a field, without escapes and with a zero after it; null where the frame does not have it.
  const char* value(Text key) const { return find(key, nullptr); }
  // The same with its length in bytes, for values that have zeros in them.
  const char* value(Text key, uint16_t& length) const { return find(key, &length); }
  // The value, or an empty text.
  const char* text(Text key) const;
  bool has(Text key) const { return value(key) != nullptr; }
  // Whether the field is there with this value.
  bool is(Text key, Text value) const;
  // Whether `key` is the first field, which tells what a frame of the gatekeeper is.
  bool isFirst(Text key) const;
  // The value times 10^`decimals`, further digits cut off; `otherwise` where there is none, it is no number, or too large:
  // fixed("VALUE", 2) of VALUE=0.256 is 25.
  int32_t fixed(Text key, uint8_t decimals, int32_t otherwise = 0) const;
  // The value as a number of up to 3 decimals and 2,147,483; 0 where there is none.
  float number(Text key) const { return static_cast<float>(fixed(key, 3)) / 1000.0f; }

  // The fields by their place, from 0: the key is at `key` and `keyLength` long. False after the last one.
  bool at(uint16_t index, const char*& key, uint8_t& keyLength, const char*& value, uint16_t& length) const;

 private:
  struct Cursor;
  const char* find(Text key, uint16_t* length) const;

  // KEY 0xFF value 0x00 KEY 0xFF value 0x00: no UTF-8 has a byte 0xFF, and no key a zero.
  const char* fields_;
  uint16_t length_;
};

// What a byte has completed.
enum class Item : uint8_t {
  None,       // more bytes are needed
  Whole,      // a frame that looks whole
  Cut,        // a frame longer than the buffer: the whole fields that fit are there, the rest is skipped
  Malformed,  // a frame with a control character in it, as a line that ends before |END|
  Stray,      // text outside of frames, once for every line
};

// Splits a stream into frames, in whatever pieces it comes.
class Splitter {
 public:
  // Keeps the fields of one frame at a time in `buffer`, of at least 8 bytes: a frame of `capacity` + 10 bytes fits.
  Splitter(char* buffer, uint16_t capacity) : buffer_(buffer), capacity_(capacity) { reset(); }

  // Takes the next byte.
  Item feed(char byte);
  // After Item::Whole or Item::Cut: reads the fields. False where they are no frame.
  bool parse(Frame& frame);
  // Begins anew, as with a new connection.
  void reset();

 private:
  enum class Place : uint8_t { Between, StrayText, BrokenLine, BrokenFrame, Inside };
  Item outside(char byte);
  Item inside(char byte);
  bool isFull() const { return length_ + 1 >= capacity_; }
  bool keep(char byte);
  bool keepMark();

  char* buffer_;
  uint16_t capacity_;
  uint16_t length_;
  // How many bytes of |START| (below 16) or of |END| (16 more) have come; they are not in the buffer yet.
  uint8_t mark_;
  Place place_;
};

// Writes one frame into a buffer. After the first thing that does not fit it writes nothing more, and finish() is 0.
class Writer {
 public:
  // Writes at most `capacity` bytes to `buffer`.
  Writer(char* buffer, uint16_t capacity);

  // Values are escaped here. A Text that is none, and a Number that is none, spoil the frame.
  Writer& field(Text key, Text value);
  Writer& field(Text key, Number value);
  // A value that may have zeros in it.
  Writer& field(Text key, const char* bytes, uint16_t length);
  // The parts of a value: key(), then any number of value() and number(), then close().
  Writer& key(Text key);
  Writer& value(Text value);
  Writer& number(Number value);
  Writer& close() { return raw('|'); }

  // Ends the frame; its length in bytes, 0 where it does not fit.
  uint16_t finish();

 private:
  Writer& raw(char byte);
  Writer& plain(Text text);
  Writer& escaped(char byte);

  char* buffer_;
  uint16_t capacity_;
  uint16_t length_;
  bool spoiled_;
};

}  // namespace gatekeeper
