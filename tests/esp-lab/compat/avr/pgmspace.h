// Constants in program memory.
#pragma once
#include <stdint.h>
#include <string.h>

#define PGM_P const char *
#define PGM_VOID_P const void *

#if defined(ESP8266)
// On this chip other constants take RAM, and flash is read in aligned words of 32 bits. QEMU is kinder, the sizes are right.
#define LAB_WORD_(word) #word
#define LAB_WORD(word) LAB_WORD_(word)
#define PROGMEM __attribute__((section(".irom." LAB_WORD(__LINE__) "." LAB_WORD(__COUNTER__))))
#define PSTR(s) (__extension__({ static const char text[] PROGMEM = (s); &text[0]; }))
static inline uint8_t lab_byte_in_flash(const void *at) {
  uint32_t word = *(const uint32_t *)((uintptr_t)at & ~(uintptr_t)3);
  return (uint8_t)(word >> ((uintptr_t)at & 3) * 8);
}
#define pgm_read_byte(p) lab_byte_in_flash(p)
#else
#define PROGMEM
#define PSTR(s) (s)
#define pgm_read_byte(p) (*(const uint8_t *)(p))
#endif
#define pgm_read_word(p) (*(const uint16_t *)(p))
#define pgm_read_dword(p) (*(const uint32_t *)(p))
#define pgm_read_ptr(p) (*(const void *const *)(p))
#define strlen_P strlen
#define strcpy_P strcpy
#define strncpy_P strncpy
#define strcmp_P strcmp
#define strncmp_P strncmp
#define strstr_P strstr
#define memcpy_P memcpy
#define memcmp_P memcmp
