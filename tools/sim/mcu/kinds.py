"""What each microcontroller's pins can do, as far as a program can get it wrong.

RP2040 datasheet, tables 2 (pin functions) and 4.9 (ADC); ESP32 datasheet, section 2.2 (pins) and
2.4 (strapping), ESP-IDF's notes on GPIO. A refusal is what MicroPython's port raises, where it
raises; where it would go wrong in silence, ChipError.
"""

from tools.sim.parts import ChipError


class Rp2040:
    """GPIO0 to GPIO29; each peripheral has its own pins."""

    name = "rp2040"
    machine = "Raspberry Pi Pico with RP2040"
    names = {"LED": 25}
    i2c_defaults = {0: (5, 4), 1: (7, 6)}  # SCL, SDA
    timers = (-1,)  # in software only, as many as one likes

    def has(self, pin):
        """Tell whether there is such a GPIO."""
        return 0 <= pin < 30

    def configure(self, pin, drives, pulled):
        """Any pin does it all."""

    def strapped(self, pin):
        """Return what the pin's level decides at a reset, or None."""
        return None

    def i2c(self, number, scl, sda):
        """SDA on even pins, SCL on odd ones, the two controllers in turn."""
        if scl & 3 != (1 | number << 1):
            raise ValueError("bad SCL pin")
        if sda & 3 != number << 1:
            raise ValueError("bad SDA pin")

    def uart(self, number, tx, rx):
        """Four pins for the one, four for the other: 0-3, 12-19, 28-29 are UART0's."""
        if number not in (0, 1):
            raise ValueError("UART(%s) doesn't exist" % number)
        if tx & 3 != 0 or (tx + 4 & 8) >> 3 != number:
            raise ValueError("bad TX pin")
        if rx & 3 != 1 or (rx + 4 & 8) >> 3 != number:
            raise ValueError("bad RX pin")

    def adc(self, pin):
        """Channels 0 to 3 are GPIO26 to GPIO29."""
        if not 26 <= pin <= 29:
            raise ValueError("Pin doesn't have ADC capabilities")


class Esp32:
    """GPIO0 to GPIO39 with gaps; any peripheral on nearly any pin."""

    name = "esp32"
    machine = "Generic ESP32 module with ESP32"
    names = {}
    i2c_defaults = {0: (18, 19), 1: (25, 26)}
    timers = (0, 1, 2, 3)
    _ABSENT = (20, 24, 28, 29, 30, 31)
    _FLASH = (6, 7, 8, 9, 10, 11)
    _STRAPS = {
        0: "low starts the ROM loader",
        2: "must be low or free for the ROM loader",
        5: "timing of the SDIO slave",
        12: "high sets the flash to 1.8 V: no start",
        15: "low silences the ROM's messages",
    }

    def has(self, pin):
        """Tell whether there is such a GPIO."""
        return 0 <= pin < 40 and pin not in self._ABSENT

    def configure(self, pin, drives, pulled):
        """`drives`: the pin is to be an output; `pulled`: a pull-up or pull-down is asked for."""
        if pin in self._FLASH:
            raise ChipError("GPIO%d belongs to the flash chip" % pin)
        if pin >= 34:
            if drives:
                raise ValueError("pin can only be input")
            if pulled:
                raise ChipError("GPIO%d has no pull-up and no pull-down" % pin)

    def strapped(self, pin):
        """Return what the pin's level decides at a reset, or None."""
        return self._STRAPS.get(pin)

    def i2c(self, number, scl, sda):
        """Any two outputs."""
        self.configure(scl, True, True)
        self.configure(sda, True, True)

    def uart(self, number, tx, rx):
        """UART0 is the console's; the others take any pins."""
        if number not in (0, 1, 2):
            raise ValueError("UART(%s) doesn't exist" % number)
        self.configure(tx, True, False)
        self.configure(rx, False, False)

    def adc(self, pin):
        """ADC1 is GPIO32 to GPIO39; ADC2 is not offered: Wi-Fi takes it away."""
        if not 32 <= pin <= 39:
            raise ValueError("invalid pin")


CHIPS = {"rp2040": Rp2040, "esp32": Esp32}
