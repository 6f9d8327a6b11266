"""Raspberry Pi Pico, small: five buttons in a row, TM1637 digits, DS1307 module, load switch.

Data only. The buttons are for tokens of the digits 1 to 4 (`payg batch new --restricted`). Pin
numbers are GPIO numbers; docs/wiring-pico_buttons.md is made from this file.
"""

CHIP = "rp2040"
LOAD = {"pin": 15, "active": 1}
KEYPAD = {"rows": (), "columns": (2, 3, 4, 5, 6), "keys": ("1234#",)}
TM1637 = {"clk": 16, "dio": 17}
I2C = {"id": 0, "sda": 20, "scl": 21, "freq": 100_000}
CLOCK = {"chip": "ds1307"}  # its RAM is the second medium
LED_GREEN = {"pin": 10, "active": 1}
LED_RED = {"pin": 11, "active": 1}
BUZZER = {"pin": 12, "active": 1}
# Ohms from the measured voltage to the input, and from the input to ground.
BATTERY = {"adc": 26, "divider": (100_000, 10_000), "chemistry": "lead-acid", "volts": 12}
OUTPUT = {"pin": 14, "active": 1}  # is there voltage behind the load switch?
WATCHDOG = {"timeout_ms": 8000}
