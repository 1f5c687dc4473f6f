"""A lamp that takes its values from a generator, one every 10 ms."""

from math import pi, sin
from threading import Event

from gpio_gatekeeper import PWMLED

lamp, done = PWMLED("lamp"), Event()


def breath():
    yield from (round(sin(step * pi / 20), 2) for step in range(20))
    yield 0
    done.set()


lamp.source = breath()
done.wait()
print("it is at", lamp.value)
