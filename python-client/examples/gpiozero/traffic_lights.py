"""Traffic lights on three lines."""

from time import sleep

from gpiozero import TrafficLights

lights = TrafficLights(red=22, amber=23, green=24)

for _ in range(2):
    lights.green.on()
    sleep(0.1)
    lights.green.off()
    lights.amber.on()
    sleep(0.1)
    lights.amber.off()
    lights.red.on()
    sleep(0.1)
    lights.amber.on()
    sleep(0.1)
    lights.off()
