// What a sketch finds on QEMU's xtensa sim machine.
#include <Arduino.h>

#include "../compat/stack.h"

[[noreturn]] void labEnd(int status);

int simulator(int operation, int a, int b, int c) {
  register int r2 __asm__("a2") = operation;
  register int r3 __asm__("a3") = a;
  register int r4 __asm__("a4") = b;
  register int r5 __asm__("a5") = c;
  __asm__ volatile("simcall" : "+r"(r2), "+r"(r3) : "r"(r4), "r"(r5) : "memory");
  return r2;
}

static void say(const char *text) {
  static int log = -1;
  constexpr int WRITE_ONLY = 1;
  if (log < 0) log = simulator(5, (int)"/dev/stderr", WRITE_ONLY, 0);
  simulator(4, log, (int)text, (int)strlen(text));
}

void labLog(const char *text) {
  say(text);
  say("\n");
}

void labEnd(int status) {
  char number[12];
  uint32_t used = stack::used();
  say("stack ");
  labLog(ultoa(used, number, 10));
  for (;;) simulator(1, status, 0, 0);
}

// CCOUNT runs at 40 MHz in QEMU 7.2 for this core, as measured. It wraps after 107 s, so it is to be looked at more often.
constexpr uint32_t TICKS_PER_US = 40;

static uint64_t microseconds() {
  static uint32_t last;
  static uint64_t sum;
  uint32_t now;
  __asm__ volatile("rsr %0, ccount" : "=a"(now));
  uint32_t passed = (uint32_t)(now - last) / TICKS_PER_US;
  last += passed * TICKS_PER_US;
  return sum += passed;
}

extern "C" {
unsigned long millis(void) { return (unsigned long)(microseconds() / 1000); }
unsigned long micros(void) { return (unsigned long)microseconds(); }
void delay(unsigned long ms) {
  for (unsigned long start = millis(); millis() - start < ms;) {
  }
}
void yield(void) {}
void __cxa_pure_virtual(void) { labEnd(99); }
// link.ld has it in the place of all that calculates with floating point.
void no_floats(void) { labEnd(98); }
}
void operator delete(void *) noexcept {}
void operator delete(void *, unsigned) noexcept {}

// Debian's libgcc for this core leaves division out: on an ESP8266 it is in the chip's ROM. So it is in every firmware here,
// whether it is used or not, and no sketch looks larger for it.
#define IN_ROM __attribute__((section(".rom.text")))

template <class Number>
__attribute__((always_inline)) inline Number divide(Number dividend, Number divisor, Number *remainder) {
  Number quotient = 0, rest = 0;
  for (int bit = (int)sizeof(Number) * 8 - 1; bit >= 0; bit--) {
    rest = (Number)(rest << 1) | ((dividend >> bit) & 1);
    if (rest >= divisor) rest -= divisor, quotient |= (Number)1 << bit;
  }
  *remainder = rest;
  return quotient;
}

__attribute__((always_inline)) inline uint32_t magnitude(int32_t number) { return number < 0 ? 0u - (uint32_t)number : (uint32_t)number; }

extern "C" {
IN_ROM uint32_t __udivsi3(uint32_t n, uint32_t d) {
  uint32_t rest;
  return divide(n, d, &rest);
}
IN_ROM uint32_t __umodsi3(uint32_t n, uint32_t d) {
  uint32_t rest;
  divide(n, d, &rest);
  return rest;
}
IN_ROM int32_t __divsi3(int32_t n, int32_t d) {
  uint32_t rest, quotient = divide(magnitude(n), magnitude(d), &rest);
  return (n < 0) != (d < 0) ? (int32_t)(0u - quotient) : (int32_t)quotient;
}
IN_ROM int32_t __modsi3(int32_t n, int32_t d) {
  uint32_t rest;
  divide(magnitude(n), magnitude(d), &rest);
  return n < 0 ? (int32_t)(0u - rest) : (int32_t)rest;
}
IN_ROM uint64_t __udivdi3(uint64_t n, uint64_t d) {
  uint64_t rest;
  return divide(n, d, &rest);
}
IN_ROM uint64_t __umoddi3(uint64_t n, uint64_t d) {
  uint64_t rest;
  divide(n, d, &rest);
  return rest;
}
}

void setup();
void loop();
extern "C" void run(void) {
  extern uint32_t __bss_start;
  extern void (*__init_array_start[])(), (*__init_array_end[])();
  for (uint32_t *word = &__bss_start; word < &__bss_end; word++) *word = 0;
  stack::paint();
  for (auto constructor = __init_array_start; constructor < __init_array_end; constructor++) (*constructor)();
  setup();
  for (;;) loop();
}
