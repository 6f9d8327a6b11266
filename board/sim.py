"""The simulated board: a Pico with a 4x4 keypad, a 16x2 LCD and a DS3231+AT24C32 module.

Data only.
"""

CHIP = "rp2040"
LOAD = {"pin": 15, "active": 1}
KEYPAD = {
    "rows": (2, 3, 4, 5),
    "columns": (6, 7, 8, 9),
    "keys": ("123A", "456B", "789C", "*0#D"),
}
I2C = {"id": 0, "sda": 20, "scl": 21, "freq": 100_000}
LCD = {"address": 0x27}
CLOCK = {"chip": "ds3231"}
EEPROM = {"address": 0x57, "size": 4096, "page": 32}
LED_GREEN = {"pin": 10, "active": 1}
LED_RED = {"pin": 11, "active": 1}
BUZZER = {"pin": 12, "active": 1}
