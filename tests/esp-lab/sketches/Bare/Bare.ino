// What the library's size is measured against: the same byte stream without the library.
// It tells a variable, by a frame that is written by hand, and ends with what comes back.
#include "target.h"

void setup() {
  labSetup();
  while (net.connect(labHost(), labPort()) != 1) {
  }
  net.print(F("|START|COMMAND=PUB|VAR=result|VALUE=PASS|END|"));
}

void loop() {
  if (net.available() <= 0 || net.read() != '\n') return;
  labLog(F("PASS"));
  labEnd(0);
}
