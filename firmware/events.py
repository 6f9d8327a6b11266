"""The event log: the unit's last events, for support.

One file of at most `LENGTH` entries of eight bytes, replaced atomically by littlefs. An entry is
time, event and number, never a secret.
"""

import struct

RESTART = 1  # number: 10 * reset cause + restarts in a row; a normal power-on is no restart
TASK_FAILED = 2  # number: 1000 * task in the order of firmware.app + source line
TASK_STUCK = 3  # number: 1000 * task
CLOCK_FAULT = 4  # number: clock faults so far
STORE_FAILED = 5
PROVISIONED = 6
STUCK_KEY = 7  # number: the key's ASCII code
LOW_BATTERY = 8  # number: millivolts
HIGH_BATTERY = 9  # number: millivolts
OVER_CURRENT = 10  # number: milliamperes, 0 when the hardware's protection reported
SENSOR = 11
BYPASS = 12  # tampering: the output is live though the switch is off
DEAD_OUTPUT = 13  # the switch is on, the output is dead: fuse, or the sense wire was cut
SERVICE = 14  # restarted into service mode
SUPPLY = 15  # the supply fails as soon as the load is on
STALE = 16  # the second medium was not believed: its token count is below the identity's
NAMES = (
    "?",
    "restart",
    "task failed",
    "task stuck",
    "clock fault",
    "store failed",
    "provisioned",
    "stuck key",
    "low battery",
    "high battery",
    "over-current",
    "sensor failed",
    "load bypassed",
    "output dead",
    "service mode",
    "supply",
    "old memory",
)
LENGTH = 32
_ENTRY = "<IHBB"
_SIZE = 8


class EventLog:
    """Takes events and writes them to a file.

    `files`: a firmware.media.Files; `clock`: a clock chip's driver or None.

    `add` costs RAM only and may be called anywhere; `flush` writes. Between two calls of `rest`
    (hourly) each event is taken once, so that a fault that comes and goes does not wear the flash.
    """

    def __init__(self, files, clock):
        self._files = files
        self._clock = clock
        data = files.read("events", 0) or b""
        self._data = data[: min(len(data) // _SIZE, LENGTH) * _SIZE]
        self._told = set()
        self.pending = False

    def add(self, event, number=0):
        """Take an event; `number` is clamped to 0..65535."""
        if event in self._told:
            return
        self._told.add(event)
        number = max(0, min(number, 0xFFFF))
        data = self._data
        if len(data) >= LENGTH * _SIZE:
            at = self._expendable()
            data = data[:at] + data[at + _SIZE :]
        self._data = data + struct.pack(_ENTRY, self._time(), number, event, 0)
        self.pending = True

    def rest(self):
        """Let every event be taken again."""
        self._told.clear()

    def flush(self):
        """Write the events taken. If flash or memory refuses, they are written with the next
        event.
        """
        self.pending = False
        try:
            self._files.write("events", 0, self._data)
        except (OSError, MemoryError):
            pass

    def entries(self):
        """Return all entries, oldest first: (seconds since 2020 or 0, event, number)."""
        found = []
        for at in range(0, len(self._data), _SIZE):
            time, number, event, _ = struct.unpack_from(_ENTRY, self._data, at)
            found.append((time, event, number))
        return found

    def _time(self):
        try:
            return self._clock and self._clock.read() or 0
        except OSError:
            return 0

    def _expendable(self):
        # Position of the oldest entry of the most frequent event: rare events are kept.
        events = [self._data[at] for at in range(6, len(self._data), _SIZE)]
        return events.index(max(events, key=events.count)) * _SIZE
