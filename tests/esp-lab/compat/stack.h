// How deep the stack of a bare machine went: all that is below it is painted at the start, and looked at in the end.
#pragma once
#include <stdint.h>

extern "C" uint32_t __bss_end, __stack_top;

namespace stack {

constexpr uint32_t PAINT = 0xA5A55A5A;

// Has no frame of its own: what lies below the stack pointer of the caller is nobody's.
__attribute__((always_inline)) inline void paint() {
  uint32_t here;
  for (volatile uint32_t *word = &__bss_end; word < &here - 8; word++) *word = PAINT;
}

// In bytes, since the start.
inline uint32_t used() {
  uint32_t *word = &__bss_end;
  while (word < &__stack_top && *word == PAINT) word++;
  return (uint32_t)((char *)&__stack_top - (char *)word);
}

}  // namespace stack
