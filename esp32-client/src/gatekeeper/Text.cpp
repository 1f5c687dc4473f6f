#include "Text.h"

namespace gatekeeper {

#if defined(GATEKEEPER_FLASH_APART)
char Text::operator[](uint16_t index) const {
  const uint16_t at = static_cast<uint16_t>((at_ & ~InRam) + index);
  if ((at_ & InRam) != 0) return *reinterpret_cast<const char*>(at);
  return static_cast<char>(pgm_read_byte(at));
}
#endif

bool Text::equals(Text other) const {
  if (at_ == other.at_) return true;
  if (isNone() || other.isNone()) return false;
  for (uint16_t i = 0;; i++) {
    const char c = (*this)[i];
    if (c != other[i]) return false;
    if (c == '\0') return true;
  }
}

bool Text::lists(Text name) const {
  if (isNone() || name.isNone()) return false;
  if ((*this)[0] == '*') return true;
  for (uint16_t at = 0;;) {
    uint16_t same = 0;
    char c;
    while ((c = (*this)[at]) != '\0' && c == name[same]) at++, same++;
    if ((c == ',' || c == '\0') && name[same] == '\0') return true;
    for (; c != ','; c = (*this)[++at]) {
      if (c == '\0') return false;
    }
    at++;
  }
}

}  // namespace gatekeeper
