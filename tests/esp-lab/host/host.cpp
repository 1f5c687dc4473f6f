// What a sketch finds on Linux.
#include <Arduino.h>
#include <time.h>

static uint64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

extern "C" {
// As on the boards, they wrap at 2^32.
unsigned long micros(void) { return (uint32_t)(nanoseconds() / 1000); }
unsigned long millis(void) { return (uint32_t)(nanoseconds() / 1000000); }
void delay(unsigned long ms) {
  timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000L};
  nanosleep(&time, nullptr);
}
void yield(void) { delay(1); }
}

void setup();
void loop();
int main() {
  setup();
  for (;;) loop(), yield();
}
