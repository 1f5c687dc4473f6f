// As much of Arduino's API as the library uses, for a program on this machine.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Milliseconds since some time; it wraps at 2^32.
unsigned long millis();
