"""A motor that is driven forward and back, the second time slowly."""

from time import sleep

from gpiozero import Motor

motor = Motor(forward=5, backward=6)

motor.forward()
sleep(0.2)
motor.backward(speed=0.25)
sleep(0.2)
motor.stop()
