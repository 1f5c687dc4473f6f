"""An LED that blinks."""

from signal import pause

from gpiozero import LED

led = LED(17)
led.blink(on_time=0.1, off_time=0.1)

pause()
