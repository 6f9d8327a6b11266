"""The wiring of the tiny firmware's board."""

LOAD = {"pin": 15, "active": 1}
KEYPAD = {"rows": (2, 3, 4, 5), "columns": (6, 7, 8), "keys": ("123", "456", "789", "*0#")}
I2C = {"id": 0, "sda": 20, "scl": 21, "freq": 100_000}
LCD = {"address": 0x27}
CLOCK = {"chip": "ds3231"}
EEPROM = {"address": 0x57, "size": 4096, "page": 32}
