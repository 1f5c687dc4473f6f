// What a sketch finds on QEMU's riscv32 virt machine.
#include <Arduino.h>

#include "../compat/stack.h"

[[noreturn]] void labEnd(int status);

static inline long semihosting(long operation, const void *argument) {
  register long a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(".option push\n.option norvc\nslli x0,x0,0x1f\nebreak\nsrai x0,x0,7\n.option pop" : "+r"(a0) : "r"(a1) : "memory");
  return a0;
}

void labLog(const char *text) {
  semihosting(4, text);
  semihosting(4, "\n");
}

void labEnd(int status) {
  char number[12];
  uint32_t used = stack::used();
  semihosting(4, "stack ");
  labLog(ultoa(used, number, 10));
  *(volatile uint32_t *)0x100000 = status ? ((uint32_t)status << 16) | 0x3333 : 0x5555;
  for (;;) {
  }
}

// The machine's clock, 10 MHz.
static uint64_t ticks() {
  volatile uint32_t *clock = (volatile uint32_t *)0x0200bff8;
  uint32_t high, low;
  do high = clock[1], low = clock[0];
  while (high != clock[1]);
  return (uint64_t)high << 32 | low;
}

extern "C" {
unsigned long millis(void) { return (unsigned long)(ticks() / 10000); }
unsigned long micros(void) { return (unsigned long)(ticks() / 10); }
void delay(unsigned long ms) {
  for (unsigned long start = millis(); millis() - start < ms;) {
  }
}
void yield(void) {}
void __cxa_pure_virtual(void) { labEnd(99); }
}
void operator delete(void *) noexcept {}
void operator delete(void *, unsigned) noexcept {}

void setup();
void loop();
extern "C" void run(void) {
  stack::paint();
  setup();
  for (;;) loop();
}
