"""The load goes off."""

from machine import Pin

Pin(15, Pin.OUT, value=0)
