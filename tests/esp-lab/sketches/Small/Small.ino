// What a small board needs: it switches a device, hears that it has changed, and tells so. Its size, less that of Bare, is what
// the library takes at least.
#include <GpioGatekeeper.h>

#include "target.h"

enum Step : uint8_t { Switch, Listen, Tell, Done };

static GatekeeperClient gate(net, "uno");
static uint8_t step;

static void settled(const gatekeeper::Outcome &outcome) {
  if (!outcome.isDone()) labEnd(1);
  // The reply to SET has the device.
  if (!outcome.frame.has(F("DEVICE"))) labEnd(0);
}

static void changed(const gatekeeper::State &state) {
  if (step == Listen && state.isOf(F("led")) && state.isOn()) step = Tell;
}

void setup() {
  labSetup();
  gate.onOutcome(settled).onState(changed);
  gate.subscribe(F("led"));
  gate.begin(labHost(), labPort());
}

void loop() {
  gate.poll();
  if (step == Switch && gate.set(F("led"), F("ON"))) step = Listen;
  if (step == Tell && gate.publishText(F("result"), F("PASS"))) step = Done;
  labIdle();
}
