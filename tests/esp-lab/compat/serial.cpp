// Apart from the rest, so that only a sketch that uses it has it.
#include <Arduino.h>

DeafSerial Serial;
