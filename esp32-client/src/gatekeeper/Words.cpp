#include "Words.h"

namespace gatekeeper {

namespace {

// One after the other, each with its zero, and an empty one at the end.
#define GATEKEEPER_WORD(name, text) text "\0"
const char Words[] GATEKEEPER_PROGMEM = GATEKEEPER_WORDS(GATEKEEPER_WORD);
#undef GATEKEEPER_WORD

}  // namespace

Text textOf(Word word) {
  const char* at = Words;
  for (uint8_t i = static_cast<uint8_t>(word); i != 0; i--) {
    while (Text::inFlash(at++)[0] != '\0') {
    }
  }
  return Text::inFlash(at);
}

Word wordOf(Text text) {
  uint8_t word = 0;
  while (word != static_cast<uint8_t>(Word::Unknown) && !text.equals(textOf(static_cast<Word>(word)))) word++;
  return static_cast<Word>(word);
}

}  // namespace gatekeeper
