"""HD44780 16x2 character display behind a PCF8574.

Hitachi ADE-207-272, 4-bit start-up on page 46; Texas Instruments SCPS068: all pins of the PCF8574
are high after power-on.

Backpack wiring: P0 RS, P1 RW, P2 E, P3 backlight, P4-P7 data. Only changed characters are sent.
"""

from time import sleep_ms, ticks_add, ticks_diff

_RS = 1
_RW = 2
_E = 4
_LIGHT = 8
_WIDTH = 16
_LINES = (0x80, 0xC0)  # "set DDRAM address" of each line
_RETRY_MS = 5_000
_HOUR_MS = 3600_000


class Lcd:
    """Shows the panel's lines. The display may be missing, or come and go.

    `i2c`: bus; `address`: of the PCF8574.
    """

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address
        self._glass = None  # lines on the display; None when the display must be set up
        self._retry = None  # ticks_ms of the next try after the display did not answer
        self._byte = bytearray(4)
        self._pins = bytearray(1)

    def show(self, panel, now):
        """Show the panel's lines; return milliseconds until the next call, if nothing changes
        before.

        `panel.lines()`: two lines of at most 16 ASCII characters; `now`: ticks_ms.
        """
        if self._retry is not None and ticks_diff(self._retry, now) > 0:
            return ticks_diff(self._retry, now)
        lines = [line + " " * (_WIDTH - len(line)) for line in panel.lines()]
        if lines == self._glass:
            return _HOUR_MS
        try:
            if self._glass is None or self._was_reset():
                self._set_up()
            for number in (1, 0):  # the second line shows typed digits: it must not lag
                self._update(number, lines[number])
            self._retry = None
        except OSError:
            self._glass = None
            self._retry = ticks_add(now, _RETRY_MS)
            return _RETRY_MS
        return _HOUR_MS

    def _was_reset(self):
        """Did the display lose power since the last byte? Then RW, kept low here, reads high."""
        self._i2c.readfrom_into(self._address, self._pins)
        return self._pins[0] & _RW

    def _update(self, number, text):
        old = self._glass[number]
        if old == text:
            return
        first = 0
        while old[first] == text[first]:
            first += 1
        last = _WIDTH - 1
        while old[last] == text[last]:
            last -= 1
        self._send(_LINES[number] + first, 0)
        for character in text[first : last + 1]:
            self._send(ord(character), _RS)
        self._glass[number] = text

    def _send(self, value, rs):
        b = self._byte
        b[1] = value & 0xF0 | _LIGHT | rs
        b[0] = b[1] | _E
        b[3] = value << 4 & 0xF0 | _LIGHT | rs
        b[2] = b[3] | _E
        self._i2c.writeto(self._address, b)

    def _nibble(self, value):
        self._i2c.writeto(self._address, bytes((value << 4 | _LIGHT | _E, value << 4 | _LIGHT)))

    def _set_up(self):
        self._i2c.writeto(self._address, bytes((_LIGHT,)))  # fails at once if no display answers
        sleep_ms(40)
        for wait in (5, 1, 1):
            self._nibble(3)
            sleep_ms(wait)
        self._nibble(2)
        sleep_ms(1)
        for command in (0x28, 0x08, 0x01):  # 4 bits, 2 lines; off; clear
            self._send(command, 0)
            sleep_ms(2)
        self._send(0x06, 0)  # entry mode: to the right
        self._send(0x0C, 0)  # display on, no cursor
        self._glass = [" " * _WIDTH, " " * _WIDTH]
