"""A load switch with its surroundings: a pin, a battery, an appliance, and time that a test moves.

Runs on CPython and MicroPython.
"""

from firmware.load import LoadSwitch, limits

PERIOD = 1 << 30
GOOD = 12_500  # mV: a healthy battery
MOST = 5_000  # mA


class WiredSwitch:
    """A load switch whose inputs a test changes at any time; None is a reading out of range.

    `told`: the events reported, `opened`: when (ms since the start) the switch opened, `read`:
    when the current was read.
    """

    def __init__(self, active=1, start=0, chemistry="lead-acid", volts=12, **without):
        self.ms = 0
        self._start = start
        self.active = active
        self.level = None
        self.battery, self.current, self.short, self.bridge, self.wire = (
            GOOD,
            0,
            False,
            False,
            True,
        )
        self.told = []
        self.opened = []
        self.read = []
        self.changes = 0
        self._next = 0  # when the task that lets the switch look wakes (ms since the start)
        self.switch = LoadSwitch(self._pin, active)
        self.switch.on_change = self._changed
        inputs = {
            "battery": lambda: self.battery,
            "limits": limits(chemistry, volts),
            "current": self._current,
            "most": MOST,
            "live": lambda: self.wire and (self.closed or self.bridge),
            "shorted": lambda: self.short,
        }
        inputs.update(without)
        self.switch.watch(lambda event, number: self.told.append((event, number)), **inputs)

    def _pin(self, level):
        assert level in (0, 1)
        if self.level == self.active != level:
            self.opened.append(self.ms)
        self.level = level

    def _current(self):
        self.read.append(self.ms)
        return self.current if self.closed else 0

    def _changed(self):
        self.changes += 1
        self._next = self.ms

    @property
    def closed(self):
        """Is the switch closed, as the pin says?"""
        return self.level == self.active

    @property
    def now(self):
        """The MCU's ticks."""
        return (self._start + self.ms) % PERIOD

    def check(self):
        """Let the switch look once; the pin and what the switch says of itself agree."""
        due = self.switch.check(self.now)
        assert self.switch.on == self.closed
        assert not (self.closed and self.switch.faults)
        assert 0 < due <= 1_000
        self._next = self.ms + due

    def wait(self, milliseconds):
        """Let time pass; the switch looks when it said that it is due, as its task does."""
        end = self.ms + milliseconds
        while self._next <= end:
            self.ms = max(self.ms, self._next)
            self.check()
        self.ms = end
