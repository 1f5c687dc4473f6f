"""A light that blinks three times: the gatekeeper does it, whatever becomes of this program."""

from gpio_gatekeeper import LED

led = LED("led")
led.on()
print("it is", "on" if led.is_lit else "off")
led.blink(on_time=0.1, off_time=0.1, n=3, background=False)
print("it is", "on" if led.is_lit else "off")
