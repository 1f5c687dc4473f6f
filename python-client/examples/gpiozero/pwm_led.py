"""An LED that breathes."""

from signal import pause

from gpiozero import PWMLED

led = PWMLED(18)
led.pulse(fade_in_time=0.3, fade_out_time=0.3)

pause()
