"""DS1307: a clock chip with 56 bytes of battery-backed RAM (Maxim 100101, rev 3/15).

Register 0x07 is the square wave's control, 0x08-0x3F are the RAM. Without a battery everything is
lost with the supply. The oscillator, once started, runs on battery or supply alike; CH halts the
oscillator.
"""

from tools.sim.chips.rtc import ClockChip

CH = 0x80
CONTROL = 7
_NOISE = bytes([(0x5B * index + 0x2F) & 0xFF for index in range(56)])
"""The RAM after the first power-on: the datasheet promises nothing."""


class Ds1307(ClockChip):
    """The chip."""

    blank = bytes([0] * CONTROL + [0x03]) + _NOISE
    halt = CH

    def __init__(self, clock):
        super().__init__(clock)
        self._halted = True

    @property
    def valid(self):
        """Does the oscillator run? The chip does not tell whether there was a pause."""
        return not self._halted

    def _write_register(self, register, byte):
        self._registers[register] = byte & 0x93 if register == CONTROL else byte

    def _take_time(self, seconds, halt):
        self._halted = halt
        self._rebase(seconds)

    def _lose(self):
        super()._lose()
        self._halted = True
