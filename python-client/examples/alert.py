"""An alert when a lamp is too bright, which the gatekeeper answers by itself with a relay."""

from queue import Queue

from gpio_gatekeeper import connect

with connect() as gate:
    alerts = Queue()
    gate.when_alert = alerts.put
    lamp, relay = gate.device("lamp"), gate.device("relay")
    gate.set_threshold("bright", "lamp", maximum=0.8, action=("relay", 1))
    lamp.value = 1
    print(alerts.get().threshold, "and the relay is", relay.read().state)
    gate.delete_threshold("bright")
