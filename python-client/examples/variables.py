"""Programs that tell one another something: a variable, and a message to one of them."""

from queue import Queue

from gpio_gatekeeper import connect

with connect() as gate:
    told = Queue()
    gate.when_message = told.put
    with gate.subscribe("setpoint", told.put):
        gate.publish("setpoint", 21.5)
        print("setpoint is", told.get().value)
    gate.send(gate.client, "hello")
    print("somebody says", told.get().value)
