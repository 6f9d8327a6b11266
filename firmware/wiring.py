"""Builds pins, buses and drivers from a board's data. `main.py` frees this module after the start.

Nothing built here may keep a reference to a function of this module: a board like the Pico needs
the memory.
"""

from machine import ADC, I2C, WDT, Pin

from firmware.load import LoadSwitch, limits
from firmware.measure import calibration, current, level, voltage
from firmware.media import Bus, Eeprom, Nvram


class Wiring:
    """Builds the parts named in a board file. `parts`: a module of board/; `bus`: the I2C bus."""

    def __init__(self, parts):
        self.parts = parts
        pins = parts.I2C
        sda, scl = Pin(pins["sda"]), Pin(pins["scl"])
        self.bus = Bus(I2C(pins["id"], sda=sda, scl=scl, freq=pins["freq"]))

    def _part(self, name):
        return getattr(self.parts, name, None)

    def load(self):
        """Make the load switch, open."""
        pin = self.parts.LOAD
        return LoadSwitch(Pin(pin["pin"], Pin.OUT, value=1 - pin["active"]), pin["active"])

    def signals(self):
        """Return functions that switch green LED, red LED and buzzer, None for a missing part."""
        return [self._output(name) for name in ("LED_GREEN", "LED_RED", "BUZZER")]

    def _output(self, name):
        pin = self._part(name)
        if not pin:
            return None
        signal = Pin(pin["pin"], Pin.OUT, value=1 - pin["active"])
        return level(signal, pin["active"])

    def matrix(self, on_key, on_stuck):
        """Make the keypad: a matrix, or without rows a row of buttons to ground."""
        from firmware.keypad import Buttons, Keypad

        pins = self.parts.KEYPAD
        # An ESP32 keeps the pulls of the reset unless told otherwise: GPIO13's would pull columns.
        rows = [Pin(number, Pin.OPEN_DRAIN, None, value=1) for number in pins["rows"]]
        columns = [Pin(number, Pin.IN, Pin.PULL_UP) for number in pins["columns"]]
        keypad = Keypad if rows else Buttons
        return keypad(rows, columns, pins["keys"], on_key, on_stuck, Pin.IRQ_FALLING)

    def displays(self):
        """Make drivers of the displays that the board has."""
        found: list = []
        lcd, digits = self._part("LCD"), self._part("TM1637")
        if lcd:
            from firmware.lcd import Lcd

            found.append(Lcd(self.bus, lcd["address"]))
        if digits:
            from tm1637 import TM1637

            from firmware.segments import Segments

            found.append(Segments(TM1637(Pin(digits["clk"]), Pin(digits["dio"]))))
        return found

    def clock(self):
        """Make the clock chip's driver, or return None."""
        from firmware.clock import DS1307, DS3231

        chip = self.parts.CLOCK["chip"]
        return {"ds3231": DS3231, "ds1307": DS1307}[chip](self.bus) if chip else None

    def media(self, files):
        """Make the media for records: the chip's own flash first, then media that survive its
        loss.
        """
        found: list = [files]
        nvs, chip = self._part("NVS"), self._part("EEPROM")
        if nvs:
            from esp32 import NVS

            from firmware.nvs import take_over

            take_over(NVS(nvs["namespace"]), files)
        if chip:
            found.append(Eeprom(self.bus, chip["address"], chip["page"]))
        if self.parts.CLOCK["chip"] == "ds1307":
            found.append(Nvram(self.bus))
        return found

    def input(self, name):
        """Make a digital input: (function, 1 when active; pin), or (None, None)."""
        wiring = self._part(name)
        if not wiring:
            return None, None
        pin = Pin(wiring["pin"], Pin.IN, None if wiring["active"] else Pin.PULL_UP)
        return level(pin, wiring["active"]), pin

    def _analog(self, name, files, make, *bounds):
        wiring = self._part(name)
        if not wiring:
            return None
        adc = ADC(Pin(wiring["adc"]))
        if hasattr(adc, "atten"):
            adc.atten(ADC.ATTN_11DB)  # ESP32: the whole range of the pin
        return make(adc, wiring, *bounds, calibration(files, name))

    def watch(self, load, files, report):
        """Give the load switch the board's measurements; see firmware.load."""
        battery = self._part("BATTERY") or {}
        volts = battery.get("volts", 12)
        live, _ = self.input("OUTPUT")
        shorted, protection = self.input("FAULT")
        if protection:
            edge = Pin.IRQ_RISING if self.parts.FAULT["active"] else Pin.IRQ_FALLING
            protection.irq(load.cut, edge)
        load.watch(
            report,
            battery=self._analog("BATTERY", files, voltage, volts * 500, volts * 1500),
            limits=limits(battery.get("chemistry", "lead-acid"), volts),
            solar=self._analog("SOLAR", files, voltage, None, None),
            current=self._analog("CURRENT", files, current),
            most=(self._part("CURRENT") or {}).get("limit_ma", 0),
            live=live,
            shorted=shorted,
        )

    def watchdog(self):
        """Arm the watchdog for good; return the function that feeds the watchdog, or None."""
        dog = self._part("WATCHDOG")
        return WDT(timeout=dog["timeout_ms"]).feed if dog else None
