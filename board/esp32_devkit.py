"""ESP32 DevKit: 4x3 keypad, 16x2 LCD, DS3231+AT24C32 module, load switch, measurements.

Data only. Pin numbers are GPIO numbers; docs/wiring-esp32_devkit.md is made from this file. With
four digits instead of the LCD: leave LCD out and name TM1637 = {"clk": 18, "dio": 19}.
"""

CHIP = "esp32"
LOAD = {"pin": 23, "active": 1}
KEYPAD = {"rows": (13, 14, 27, 26), "columns": (25, 33, 32), "keys": ("123", "456", "789", "*0#")}
I2C = {"id": 0, "sda": 21, "scl": 22, "freq": 100_000}
LCD = {"address": 0x27}
CLOCK = {"chip": "ds3231"}
NVS = {"namespace": "payg"}
EEPROM = {"address": 0x57, "size": 4096, "page": 32}
LED_GREEN = {"pin": 16, "active": 1}
LED_RED = {"pin": 17, "active": 1}
BUZZER = {"pin": 4, "active": 1}
# Ohms from the measured voltage to the input, and from the input to ground.
BATTERY = {"adc": 34, "divider": (100_000, 10_000), "chemistry": "lead-acid", "volts": 12}
SOLAR = {"adc": 35, "divider": (150_000, 10_000)}
CURRENT = {"adc": 36, "shunt_mohm": 10, "gain": 50, "limit_ma": 5000}
OUTPUT = {"pin": 39, "active": 1}  # is there voltage behind the load switch?
WATCHDOG = {"timeout_ms": 8000}
