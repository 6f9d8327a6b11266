"""TM1637 (Titan Micro, data sheet V2.4) with four 7-segment digits, on two wires.

Bits come least significant first, taken at each rising CLK. DIO falling while CLK is high begins a
frame, DIO rising ends the frame. After eight bits the chip pulls DIO low for one clock as
acknowledge.
"""

from tools.sim.parts import ChipError

CLK, DIO = 0, 1
PULSE_US = 1  # shortest level of CLK (400 ns), rounded up to whole microseconds

_LETTERS = {
    0x77: "A",
    0x7C: "b",
    0x39: "C",
    0x5E: "d",
    0x79: "E",
    0x71: "F",
    0x3D: "G",
    0x76: "H",
    0x1E: "J",
    0x38: "L",
    0x54: "n",
    0x73: "P",
    0x67: "q",
    0x50: "r",
    0x78: "t",
    0x3E: "U",
    0x1C: "v",
    0x6E: "y",
}
_DIGITS = {0x66: "4", 0x4F: "3", 0x7D: "6", 0x07: "7", 0x7F: "8", 0x6F: "9"}
_SIGNS = {0x00: " ", 0x40: "-", 0x08: "_", 0x63: "*"}
_BOTH = {0x3F: "0O", 0x06: "1I", 0x5B: "2Z", 0x6D: "5S"}  # a digit that is also a letter


def patterns(text):
    """Return the segment pattern of each character that `reading` can return; "?" is dark."""
    known = {}
    for table in (_LETTERS, _DIGITS, _SIGNS, _BOTH):
        for pattern, characters in table.items():
            for character in characters:
                known[character] = pattern
    return [known.get(character, 0) for character in text]


def reading(patterns):
    """Return the text that a person reads in segment patterns (bit 0 is segment a, bit 6 is g).

    A glyph that is both digit and letter is a letter if a letter follows in the same word: `GOOd`,
    `USEd`, `Id 15`, `C300`.
    """
    text = ""
    word = False  # is there a letter further on in this word?
    for pattern in reversed(patterns):
        pattern &= 0x7F
        if pattern in _BOTH:
            character = _BOTH[pattern][word]
        elif pattern in _LETTERS:
            character, word = _LETTERS[pattern], True
        else:
            character = _DIGITS.get(pattern) or _SIGNS.get(pattern, "?")
            word = word and pattern in _DIGITS
        text = character + text
    return text


class Tm1637:
    """The chip and the glass. Ends of the wire: CLK, DIO.

    `clock()`: microseconds; `contentions`: how often the MCU drove DIO high against the
    acknowledge; `brightness`: 0 to 7, None while the display is off.
    """

    def __init__(self, clock, digits=4):
        self._clock = clock
        self._digits = digits
        self.levels = [1, 1]  # both wires have pull-ups
        self.contentions = 0
        self.power_off()

    def power_off(self):
        """Turn the supply off: dark, and no answer."""
        self.powered = False
        self._dark()

    def power_on(self):
        """Turn the supply on: display off, memory unknown."""
        self.powered = True
        self._dark()

    def _dark(self):
        self.levels[DIO] = 1
        self.brightness = None
        self._memory = bytearray(b"\xff" * 6)
        self._fixed = None  # address mode; None before the first data command
        self._clk = self._dio = 1
        self._high = False  # the MCU drives DIO, and high
        self._edge_at = -PULSE_US
        self._forget()

    def _forget(self):
        self._frame = -1  # bytes taken since the start, -1 outside a frame
        self._bits = self._byte = 0
        self._address = None

    def lines(self):
        """Return the text on the glass, a list of one string."""
        if self.brightness is None:
            return [" " * self._digits]
        return [reading(self._memory[: self._digits])]

    @property
    def colon(self):
        """Is the colon lit? The colon is the top bit of the second digit."""
        return self.brightness is not None and bool(self._memory[1] & 0x80)

    def drive(self, end, level):
        """Let the MCU drive a wire to 0 or 1, or release the wire (None)."""
        if not self.powered:
            return
        if end == DIO:
            self._high = level == 1
        level = 0 if level == 0 else 1
        if end == CLK and level != self._clk:
            self._clk = level
            self._tick(level)
        elif end == DIO and level != self._dio:
            self._dio = level
            if self._clk and self.levels[DIO]:
                self._stop() if level else self._start()

    def _tick(self, rising):
        now = self._clock()
        if now - self._edge_at < PULSE_US:
            raise ChipError("the TM1637 takes no pulse shorter than 400 ns on CLK")
        self._edge_at = now
        if self._frame < 0:
            return
        if rising:
            if self._bits < 8:
                self._byte |= self._dio << self._bits
            elif self._high:
                self.contentions += 1
            self._bits += 1
        elif self._bits == 8:
            self.levels[DIO] = 0
        elif self._bits == 9:
            self.levels[DIO] = 1
            byte, self._byte, self._bits = self._byte, 0, 0
            self._frame += 1
            self._take(byte)

    def _start(self):
        self._forget()
        self._frame = 0

    def _stop(self):
        if self._frame >= 0 and self._bits > 1:  # the stop itself raises CLK once
            raise ChipError("the frame stopped after %d bits of a byte" % (self._bits - 1))
        self._forget()

    def _take(self, byte):
        if self._address is not None:
            self._store(byte)
        elif self._frame > 1:
            raise ChipError("0x%02x follows a command that takes no data" % byte)
        elif byte & 0xC0 == 0x40:
            if byte & 0x3B:
                raise ChipError("0x%02x: reading keys and test mode are not modelled" % byte)
            self._fixed = bool(byte & 4)
        elif byte & 0xC0 == 0x80:
            self.brightness = byte & 7 if byte & 8 else None
        elif byte & 0xC0 == 0xC0:
            self._address = byte & 0x3F
        else:
            raise ChipError("0x%02x is no command" % byte)

    def _store(self, byte):
        if self._fixed is None:
            raise ChipError("data before a data command")
        if self._address >= len(self._memory):
            raise ChipError("no digit at address %d" % self._address)
        self._memory[self._address] = byte
        if not self._fixed:
            self._address += 1
