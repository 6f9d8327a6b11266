"""Raspberry Pi Pico W: the Pico's parts on the same pins. The radio has GPIO23 to 25 and 29.

Data only. Pin numbers are GPIO numbers; docs/wiring-pico_w.md is made from this file.
"""

CHIP = "rp2040"
LOAD = {"pin": 15, "active": 1}
KEYPAD = {"rows": (2, 3, 4, 5), "columns": (6, 7, 8), "keys": ("123", "456", "789", "*0#")}
TM1637 = {"clk": 16, "dio": 17}
I2C = {"id": 0, "sda": 20, "scl": 21, "freq": 100_000}
CLOCK = {"chip": "ds3231"}
EEPROM = {"address": 0x57, "size": 4096, "page": 32}
LED_GREEN = {"pin": 10, "active": 1}
LED_RED = {"pin": 11, "active": 1}
BUZZER = {"pin": 12, "active": 1}
# Ohms from the measured voltage to the input, and from the input to ground.
BATTERY = {"adc": 26, "divider": (100_000, 10_000), "chemistry": "lead-acid", "volts": 12}
SOLAR = {"adc": 27, "divider": (150_000, 10_000)}
CURRENT = {"adc": 28, "shunt_mohm": 10, "gain": 50, "limit_ma": 5000}
OUTPUT = {"pin": 14, "active": 1}  # is there voltage behind the load switch?
FAULT = {"pin": 13, "active": 0}  # short circuit, as a protection chip's open drain tells it
WATCHDOG = {"timeout_ms": 8000}
