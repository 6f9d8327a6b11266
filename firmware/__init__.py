"""The controller: keypad, display, clock, store, load switch and front panel of a pay-as-you-go
unit.
"""

VERSION = "0.1.0"
