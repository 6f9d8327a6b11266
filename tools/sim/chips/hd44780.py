"""HD44780U character display, 16x2, in four-bit mode behind a PCF8574 port expander.

Hitachi ADE-207-272(Z); Texas Instruments SCPS068. Backpack wiring: P0 RS, P1 R/W, P2 E,
P3 backlight, P4-P7 DB4-DB7. The controller takes a nibble at each falling edge of E.
"""

from tools.sim.parts import ChipError

_RS, _RW, _E, _LIGHT = 1, 2, 4, 8

WAKE_US = 40_000  # after the supply reaches 2.7 V (page 46)
FIRST_US = 4_100  # after the first function set
SECOND_US = 100  # after the second function set
SHORT_US = 37  # most instructions
WRITE_US = 41  # a character and the cursor's move
LONG_US = 1_520  # clear and home

# Codes for which the ROM (A00) has another character than ASCII.
_ROM = {0x5C: "\xa5", 0x7E: "→", 0x7F: "←", 0xDF: "°"}


class Hd44780:
    """The controller and the glass. `clock()`: microseconds."""

    def __init__(self, clock, columns=16, rows=2):
        self._clock = clock
        self._columns = columns
        self._rows = rows
        self.power_off()

    def power_off(self):
        """Turn the supply off; all memory is lost."""
        self.powered = False
        self._on = False
        self._text = bytearray(b" " * 80)
        self._glyphs = bytearray(64)

    def power_on(self):
        """Turn the supply on: eight-bit mode, display off, no answer for WAKE_US."""
        self.power_off()
        self.powered = True
        self._ready = self._clock() + WAKE_US
        self._eight = True
        self._two_lines = False
        self._high = -1  # first nibble of a byte, or -1
        self._sets = 0  # function sets seen since power-on in eight-bit mode
        self._address = 0
        self._in_glyphs = False
        self._step = 1

    def lines(self):
        """Return the text on the glass: one string per row, as wide as the glass."""
        rows = []
        for row in range(self._rows):
            start = 0x28 * row  # DDRAM 0x40 lies at 40 here
            shown = self._on and (row == 0 or self._two_lines)
            codes = self._text[start : start + self._columns] if shown else b" " * self._columns
            rows.append("".join([_ROM.get(code) or _character(code) for code in codes]))
        return rows

    def nibble(self, register, value):
        """Take a nibble on DB4-DB7 at the falling edge of E; `register`: RS."""
        now = self._clock()
        if now < self._ready:
            raise ChipError(
                "the display was spoken to %d us before it was ready" % (self._ready - now)
            )
        high = self._high
        if self._eight:
            # DB0-DB3 are not wired; a function set needs none of them.
            self._instruct_eight(register, value, now)
        elif high < 0:
            self._high = value
        else:
            self._high = -1
            if not register:
                self._instruct(high << 4 | value, now)
            elif self._in_glyphs:
                self._glyphs[self._address] = high << 4 | value
                self._address = (self._address + self._step) & 0x3F
                self._ready = now + WRITE_US
            else:
                self._text[self._address] = high << 4 | value
                self._address = (self._address + self._step) % 80
                self._ready = now + WRITE_US

    def _instruct_eight(self, register, value, now):
        if register or value not in (2, 3):
            raise ChipError("0x%x0 in eight-bit mode: the display is not initialised" % value)
        if value == 2:
            if self._sets < 3:
                raise ChipError("four-bit mode needs three function sets (0x3) before it")
            self._eight = False
            self._sets = 0
            self._ready = now + SHORT_US
            return
        self._sets += 1
        waits = (FIRST_US, SECOND_US)
        self._ready = now + (waits[self._sets - 1] if self._sets <= 2 else SHORT_US)

    def _instruct(self, byte, now):
        self._ready = now + SHORT_US
        if byte & 0x80:
            self._go(byte & 0x7F)
        elif byte & 0x40:
            self._address = byte & 0x3F
            self._in_glyphs = True
        elif byte & 0x20:
            self._set_function(byte)
        elif byte & 0x10:
            if byte & 0x08:
                raise ChipError("shifting the display is not modelled")
            self._address = (self._address + (1 if byte & 0x04 else -1)) % 80
        elif byte & 0x08:
            self._on = bool(byte & 0x04)
        elif byte & 0x04:
            if byte & 0x01:
                raise ChipError("shifting the display is not modelled")
            self._step = 1 if byte & 0x02 else -1
        elif byte:
            self._ready = now + LONG_US
            if byte == 1:
                self._text[:] = b" " * 80
                self._step = 1
            self._address = 0
            self._in_glyphs = False
        else:
            raise ChipError("0x00 is no instruction")

    def _set_function(self, byte):
        self._two_lines = bool(byte & 0x08)
        if byte & 0x10:
            # Start of a new initialisation of a chip in use, awake already.
            self._eight = True
            self._sets = 3
        elif byte & 0x08 and byte & 0x04:
            raise ChipError("two lines of 5x10 dots do not exist")

    def _go(self, address):
        limit = 0x28 if self._two_lines else 0x50
        if not (address < limit or (self._two_lines and 0x40 <= address < 0x68)):
            raise ChipError("no character at DDRAM 0x%02x" % address)
        self._in_glyphs = False
        self._address = address - 0x18 if address >= 0x40 and self._two_lines else address


def _character(code):
    if 0x20 <= code < 0x7E:
        return chr(code)
    return "?"  # a custom glyph or katakana: not comparable in a script


class Backpack:
    """PCF8574 on I2C with the display on the eight pins. `fastest`: bus frequency in Hz."""

    fastest = 100_000

    def __init__(self, display, address=0x27):
        self.address = address
        self.display = display
        self.power_on()

    def power_on(self):
        """Set all eight pins high, as after power-on."""
        self._pins = 0xFF

    power_off = power_on

    def start(self, read):
        """Acknowledge a start condition with this address."""
        return True

    def write(self, byte):
        """Put the bits of `byte` on the eight pins."""
        before = self._pins
        self._pins = byte
        if before & _E and not byte & _E and not before & _RW:
            if byte & _RW or (before ^ byte) & 0xF1:
                raise ChipError("the display's data changed together with its E")
            self.display.nibble(byte & _RS, byte >> 4)
        return True

    def read(self):
        """Return the pins' levels."""
        if self._pins & _RW and self._pins != 0xFF:
            raise ChipError("reading the display through the backpack is not modelled")
        return self._pins

    def stop(self):
        """Take a stop condition."""

    @property
    def backlight(self):
        """Is the backlight on?"""
        return bool(self._pins & _LIGHT)
