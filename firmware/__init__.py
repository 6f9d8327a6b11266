"""The controller: keypad, display, clock, store, load switch and front panel of a pay-as-you-go
unit.
"""

VERSION = "0.1.0"

# Lowest MicroPython for each chip. rp2040: the module asyncio came with 1.21. esp32: up to 1.25
# the port's compiler refuses the viper function of lib/opaygo/chain.py ("bccz out of range").
LOWEST = {"rp2040": (1, 21, 0), "esp32": (1, 26, 0)}
