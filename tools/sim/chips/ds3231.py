"""DS3231: a clock chip with crystal and battery (Maxim 19-5170 rev 10).

Registers 0x00-0x12. The alarms' registers are kept, but the alarms' flags never rise.
"""

from tools.sim.chips.rtc import ClockChip
from tools.sim.parts import ChipError

CONTROL = 0x0E
STATUS = 0x0F
OSF = 0x80
EOSC = 0x80


class Ds3231(ClockChip):
    """The chip. `record`: called after each change over the bus, if set."""

    fastest = 400_000
    blank = bytes([0, 0, 0, 1, 1, 1, 0] + [0] * 7 + [0x1C, 0x88, 0, 25, 0])
    centuries = 2
    century = 0x80

    def __init__(self, clock):
        super().__init__(clock)
        self.record = None

    @property
    def valid(self):
        """Has the oscillator run ever since the time was set?"""
        return not self._registers[STATUS] & OSF

    def power_on(self):
        """Turn the board's supply on: the oscillator runs in any case."""
        super().power_on()
        if self._halted:
            self._halted = False
            self._since = self._clock()

    def power_off(self):
        """Turn the board's supply off; on battery the oscillator runs only if EOSC allows."""
        super().power_off()
        if self.battery and self._registers[CONTROL] & EOSC:
            self._rebase(self.seconds)
            self._halted = True
            self._registers[STATUS] |= OSF

    def setup(self, seconds):
        """Set the time to `seconds` since 2000, as the factory does: valid from now on."""
        self._rebase(seconds)
        self._registers[STATUS] &= ~OSF & 0xFF

    def _advance(self):
        super()._advance()
        if self._pointer == 0:  # the chip freezes the time anew at the wrap to register 0
            self._freeze_time()

    def _lose(self):
        super()._lose()
        self._halted = not self.powered

    def _take_time(self, seconds, halt):
        if self._second_written or self._halted:
            self._rebase(seconds)
        else:
            self._base += seconds - self.seconds
        self._tell()

    def _tell(self):
        if self.record is not None:
            self.record()

    def _write_register(self, register, byte):
        if register == CONTROL:
            if byte & 3 and byte & 4:
                raise ChipError("alarm interrupts are not modelled")
            self._registers[register] = byte & ~0x20  # a conversion is over at once
        elif register == STATUS:
            kept = self._registers[STATUS]
            flags = kept & byte & 0x83  # OSF and the alarms' flags can only be cleared
            self._registers[STATUS] = flags | (byte & 0x08) | (kept & 0x04)
        elif register <= 0x0D or register == 0x10:
            self._registers[register] = byte
        # 0x11 and 0x12, the temperature, are read only
        self._tell()
