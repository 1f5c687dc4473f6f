#include "Text.h"

namespace gatekeeper {

bool Text::equals(Text other) const {
  if (isNone() || other.isNone()) return isNone() && other.isNone();
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
    uint16_t i = 0;
    while (name[i] != '\0' && (*this)[at + i] == name[i]) i++;
    const char after = (*this)[at + i];
    if (name[i] == '\0' && (after == ',' || after == '\0')) return true;
    while ((*this)[at] != ',') {
      if ((*this)[at] == '\0') return false;
      at++;
    }
    at++;
  }
}

}  // namespace gatekeeper
