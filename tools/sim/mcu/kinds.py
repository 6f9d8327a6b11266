"""Abilities of each microcontroller's pins, as far as a program can misuse them.

RP2040 datasheet, tables 2 (pin functions) and 4.9 (ADC); ESP32 datasheet, section 2.2 (pins) and
2.4 (strapping), ESP-IDF's notes on GPIO and reset values of RTC_IO and IO_MUX. A refusal is the
same exception as in MicroPython's port. If the port would fail silently, ChipError is raised.
"""

from tools.sim.parts import ChipError


class Rp2040:
    """GPIO0 to GPIO29; each peripheral has its own pins."""

    name = "rp2040"
    machine = "Raspberry Pi Pico with RP2040"
    names = {"LED": 25}
    i2c_defaults = {0: (5, 4), 1: (7, 6)}  # SCL, SDA
    timers = (-1,)  # software timers only, any number
    keeps_timers = False
    keeps_pulls = False
    i2c_waits = False
    console_room = 4_096  # bytes; USB holds back what exceeds the port's buffer
    adc_mv = None  # no attenuator, no `read_uv`
    keeps_levels = False
    shortest_sleep = 0
    causes = {"reset": 3, "watchdog": 3}  # `reset` uses the watchdog; a soft reset keeps the cause

    def has(self, pin):
        """Is there such a GPIO?"""
        return 0 <= pin < 30

    def configure(self, pin, drives, pulled):
        """Accept every use: any pin can do all."""

    def pull(self, pin):
        """Return the level to which a reset pulls the pin, or None."""
        return None  # in truth 0, but `Pin` always sets the pulls anew

    def strapped(self, pin):
        """Return the meaning of the pin's level at a reset, or None."""
        return None

    def i2c(self, number, scl, sda):
        """Check pins: SDA on even pins, SCL on odd pins, the two controllers in turn."""
        if scl & 3 != (1 | number << 1):
            raise ValueError("bad SCL pin")
        if sda & 3 != number << 1:
            raise ValueError("bad SDA pin")

    def uart(self, number, tx, rx):
        """Check pins: four by turns for each UART; 0-3, 12-19 and 28-29 are UART0's."""
        if number not in (0, 1):
            raise ValueError("UART(%s) doesn't exist" % number)
        if tx & 3 != 0 or (tx + 4 & 8) >> 3 != number:
            raise ValueError("bad TX pin")
        if rx & 3 != 1 or (rx + 4 & 8) >> 3 != number:
            raise ValueError("bad RX pin")

    def adc(self, pin):
        """Check the pin: channels 0 to 3 are GPIO26 to GPIO29."""
        if not 26 <= pin <= 29:
            raise ValueError("Pin doesn't have ADC capabilities")


class Esp32:
    """GPIO0 to GPIO39 with gaps; any peripheral on nearly any pin."""

    name = "esp32"
    machine = "Generic ESP32 module with ESP32"
    names = {}
    i2c_defaults = {0: (18, 19), 1: (25, 26)}
    timers = (0, 1, 2, 3)
    keeps_timers = True
    shortest_sleep = 5  # us: `sleep_us` returns at once from less (`mphalport.c`)
    causes = {"reset": 2, "watchdog": 3, "soft": 5}  # `modmachine.c`
    console_room = 259  # bytes: UART0's ring buffer (`mphalport.c`)
    i2c_waits = True  # for each byte; other errors follow
    adc_mv = (142, 3_130)  # lowest and highest reading; 54 with a two-point calibration
    calibrated = True  # by fuses; ESP-IDF's `adc_cali_scheme_line_fitting`
    keeps_levels = True  # `reset` and the watchdog reset the CPUs, not the GPIO
    keeps_pulls = True  # unless `Pin` names the pull, and be it None (`machine_pin.c`)
    _ABSENT = (20, 24, 28, 29, 30, 31)
    _FLASH = (6, 7, 8, 9, 10, 11)
    _STRAPS = {
        0: "low starts the ROM loader",
        2: "must be low or free for the ROM loader",
        5: "timing of the SDIO slave",
        12: "high sets the flash to 1.8 V: no start",
        15: "low silences the ROM's messages",
    }
    _PULLS = {0: 1, 1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 12: 0, 13: 0, 14: 1, 15: 1}

    def has(self, pin):
        """Is there such a GPIO?"""
        return 0 <= pin < 40 and pin not in self._ABSENT

    def configure(self, pin, drives, pulled):
        """Check a pin's use. `drives`: as output; `pulled`: with pull-up or pull-down."""
        if pin in self._FLASH:
            raise ChipError("GPIO%d belongs to the flash chip" % pin)
        if pin >= 34:
            if drives:
                raise ValueError("pin can only be input")
            if pulled:
                raise ChipError("GPIO%d has no pull-up and no pull-down" % pin)

    def pull(self, pin):
        """Return the level to which a reset pulls the pin, or None."""
        return self._PULLS.get(pin)

    def strapped(self, pin):
        """Return the meaning of the pin's level at a reset, or None."""
        return self._STRAPS.get(pin)

    def i2c(self, number, scl, sda):
        """Check pins: any two outputs."""
        self.configure(scl, True, True)
        self.configure(sda, True, True)

    def uart(self, number, tx, rx):
        """Check pins: UART0 is the console's; the others take any pins."""
        if number not in (0, 1, 2):
            raise ValueError("UART(%s) doesn't exist" % number)
        self.configure(tx, True, False)
        self.configure(rx, False, False)

    def adc(self, pin):
        """Check the pin: ADC1 is GPIO32 to GPIO39; ADC2, used by Wi-Fi, is not offered."""
        if not 32 <= pin <= 39:
            raise ValueError("invalid pin")


CHIPS = {"rp2040": Rp2040, "esp32": Esp32}
