// A text that somebody else keeps, and a number with decimals: what the calls of this library take.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(ARDUINO)
#include <Arduino.h>
#elif defined(__has_include)
#if __has_include(<Arduino.h>)
#include <Arduino.h>
#endif
#endif

// Constants stay in the flash of processors that would copy them into RAM otherwise.
#if defined(__AVR__)
#include <avr/io.h>
#include <avr/pgmspace.h>
#define GATEKEEPER_PROGMEM PROGMEM
#define GATEKEEPER_READ_32(address) pgm_read_dword(address)
#if !defined(MAPPED_PROGMEM_START)
#define GATEKEEPER_FLASH_APART
#endif
#elif defined(ESP8266)
#include <pgmspace.h>
#define GATEKEEPER_PROGMEM PROGMEM
#define GATEKEEPER_READ_32(address) pgm_read_dword(address)
#else
#define GATEKEEPER_PROGMEM
#define GATEKEEPER_READ_32(address) (*(address))
#endif

namespace gatekeeper {

// A text that ends with a zero byte, in RAM or, with F("..."), in flash. It is not copied: what is given to calls that say
// "kept" has to stay where it is (a literal, a global), for all others it may go away after the call.
class Text {
 public:
  // Text() is none; without the brackets it is not even that.
  Text() = default;
#if defined(GATEKEEPER_FLASH_APART)
  // RAM and flash have addresses of their own there, and all RAM is below 0x8000.
  Text(const char* text) : at_(text == nullptr ? 0 : reinterpret_cast<uint16_t>(text) | InRam) {}
  static Text inFlash(const char* text) {
    Text made;
    made.at_ = reinterpret_cast<uint16_t>(text);
    return made;
  }
  char operator[](uint16_t index) const;
#else
  Text(const char* text) : at_(text) {}
#if defined(MAPPED_PROGMEM_START)
  // Flash can be read as RAM there, behind its own addresses.
  static Text inFlash(const char* text) { return Text(text + MAPPED_PROGMEM_START); }
#else
  static Text inFlash(const char* text) { return Text(text); }
#endif
#if defined(ESP8266)
  // Its flash is read in whole words only; this works for RAM as well.
  char operator[](uint16_t index) const { return static_cast<char>(pgm_read_byte(at_ + index)); }
#else
  char operator[](uint16_t index) const { return at_[index]; }
#endif
#endif
#if defined(F)
  Text(const __FlashStringHelper* text) : Text(inFlash(reinterpret_cast<const char*>(text))) {
#if defined(GATEKEEPER_FLASH_APART) && FLASHEND > 0x7FFF
    // So are all constants of a program that has less than 32 KB of them; calls with one beyond do nothing and say so.
    if ((at_ & InRam) != 0) at_ = 0;
#endif
  }
#endif

  // No text at all, which is not the same as an empty one.
  bool isNone() const { return at_ == 0; }
  // The same bytes; none equals only none.
  bool equals(Text other) const;
  // Whether `name` stands in this list of names with commas between, or the list is "*".
  bool lists(Text name) const;

 private:
#if defined(GATEKEEPER_FLASH_APART)
  enum : uint16_t { InRam = 0x8000 };
  uint16_t at_;
#else
  const char* at_;
#endif
};

// A number with up to 6 decimals, made without the floating-point printf that small boards lack.
class Number {
 public:
  constexpr Number() : mantissa_(0), decimals_(None) {}
  // `mantissa` / 10^`decimals`: Number(2150, 2) is 21.50. With more than 6 decimals it is none.
  constexpr Number(int32_t mantissa, uint8_t decimals) : mantissa_(mantissa), decimals_(decimals > 6 ? uint8_t(None) : decimals) {}
  // Rounded to `decimals` (0 to 6). What does not fit (the digits make more than 2,147,483,647), and what is no number,
  // is none: calls with it do nothing and say so.
  static Number of(double value, uint8_t decimals = 3) {
    double scaled = value;
    for (uint8_t i = 0; i < decimals; i++) scaled *= 10;
    scaled += scaled < 0 ? -0.5 : 0.5;
    const bool fits = scaled > -2147483647.0 && scaled < 2147483647.0;  // false for what is no number
    return fits ? Number(static_cast<int32_t>(scaled), decimals) : Number();
  }
  constexpr bool isNone() const { return decimals_ == None; }
  constexpr int32_t mantissa() const { return mantissa_; }
  constexpr uint8_t decimals() const { return decimals_; }

 private:
  enum : uint8_t { None = 255 };
  int32_t mantissa_;
  uint8_t decimals_;
};

}  // namespace gatekeeper
