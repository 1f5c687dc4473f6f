#include "Words.h"

namespace gatekeeper {

namespace {

// One after the other, each with its zero, and an empty one at the end.
#define GATEKEEPER_WORD(name, text) text "\0"
const char Words[] GATEKEEPER_PROGMEM = GATEKEEPER_WORDS(GATEKEEPER_WORD);
#undef GATEKEEPER_WORD

char letter(const char* at) {
#if defined(__AVR__) || defined(ESP8266)
  return static_cast<char>(pgm_read_byte(at));
#else
  return *at;
#endif
}

}  // namespace

Text textOf(Word word) {
  const char* at = Words;
  for (uint8_t i = static_cast<uint8_t>(word); i != 0; i--) {
    while (letter(at++) != '\0') {
    }
  }
  return Text::inFlash(at);
}

// In one walk, without calls: while an 8-bit board looks for a word, bytes come that it has little room for.
Word wordOf(const char* text) {
  const char* at = Words;
  uint8_t word = 0;
  for (; word != static_cast<uint8_t>(Word::Unknown); word++) {
    const char* same = text;
    char c;
    do {
      c = letter(at++);
      if (same != nullptr && c != *same++) same = nullptr;
    } while (c != '\0');
    if (same != nullptr) break;
  }
  return static_cast<Word>(word);
}

}  // namespace gatekeeper
