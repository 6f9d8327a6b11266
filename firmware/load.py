"""The load switch: the wish (paid or free: closed) is overruled by a set of named faults.

After LibreSolar's model. Each fault has its own conditions and delays to come and go: see the
table in docs/load.md. Synchronous; `now` is `ticks_ms`. This module controls the load only, never
charging.
"""

from collections import namedtuple
from time import ticks_diff

from firmware import events

LOW_BATTERY = 1
HIGH_BATTERY = 2
OVER_CURRENT = 4
SENSOR = 8
BYPASS = 16
SERVICE = 32  # not a fault, but the load is off while the unit is in service mode

SAMPLE_MS = 1000  # between two readings
WATCH_MS = 60  # between readings of the current while the load is on without other protection
CONFIRM_MS = 10  # a current above the limit is read again after this long
RETRY_MS = 30_000  # after an overload, for each of the first RETRIES trips
RETRIES = 3
DAY_MS = 86_400_000  # after an overload, from then on
_CALM = 300  # samples without a trip until the retries start anew

Limits = namedtuple("Limits", ("disconnect", "reconnect", "highest"))  # millivolts
_CELLS = {"lead-acid": (6, Limits(1900, 2100, 2600)), "lifepo4": (4, Limits(3000, 3200, 3750))}
_HYSTERESIS = 50  # a fiftieth (2 %) of the highest voltage


def limits(chemistry, volts):
    """Return the Limits of a "lead-acid" or "lifepo4" battery of 12 or 24 volts. Raises
    ValueError.
    """
    if chemistry not in _CELLS or volts not in (12, 24):
        raise ValueError("no limits for a battery of this kind")
    cells, cell = _CELLS[chemistry]
    return Limits(*[cells * volts // 12 * millivolts for millivolts in cell])


class Fault:
    """Comes when `bad` has held for `come_ms`, goes when `good` has held for `go_ms`.

    `bit`: in `LoadSwitch.faults`; `event`: of firmware.events; `set`: the fault is present.
    """

    def __init__(self, bit, event, come_ms, go_ms):
        self.bit = bit
        self.event = event
        self.go_ms = go_ms
        self.set = False
        self._come_ms = come_ms
        self._since = None

    def judge(self, bad, good, now, at_once=False):
        """Return True when the fault came or went. If neither `bad` nor `good` holds, nothing
        changes.

        `at_once`: skip the delay.
        """
        if not (good if self.set else bad):
            self._since = None
            return False
        if self._since is None:
            self._since = now
        wait = 0 if at_once else self.go_ms if self.set else self._come_ms
        if ticks_diff(now, self._since) < wait:
            return False
        self.set = not self.set
        self._since = None
        return True


class LoadSwitch:
    """Switches the load, and opens while a fault holds.

    `pin`: a configured output; `active`: the level that closes the switch; `on`: the switch is
    closed; `faults`: bits of the present faults, and SERVICE in service mode; `on_change`: called
    when switch or faults changed; `watching`: `watch` was given a measurement, else there are no
    faults; `battery_mv`, `solar_mv`, `current_ma`: newest readings or None.
    """

    def __init__(self, pin, active=1):
        self._pin = pin
        self._active = active
        self._wish = False
        self._battery = self._solar = self._current = self._live = self._shorted = None
        self._limits = self._most = None
        self._report = None
        self._sampled = None  # ticks_ms of the newest sample, None before the first
        self._high_current = None  # ticks_ms when the current rose above the limit, or None
        self._cut = None  # milliamperes of an overload not yet dealt with, or None
        self._trips = 0
        self._calm = 0
        self.watching = False
        self.on = False
        self.faults = 0
        self.battery_mv = self.solar_mv = self.current_ma = None
        self.on_change = None
        self._low = Fault(LOW_BATTERY, events.LOW_BATTERY, 10_000, 60_000)
        self._high = Fault(HIGH_BATTERY, events.HIGH_BATTERY, 1_000, 10_000)
        self._over = Fault(OVER_CURRENT, events.OVER_CURRENT, 0, RETRY_MS)
        self._sensor = Fault(SENSOR, events.SENSOR, 1_000, 10_000)
        self._bypass = Fault(BYPASS, events.BYPASS, 5_000, 5_000)
        self._dead = Fault(0, events.DEAD_OUTPUT, 5_000, 5_000)  # reported only
        self._close(False)

    def watch(
        self,
        report,
        battery=None,
        limits=None,
        solar=None,
        current=None,
        most=0,
        live=None,
        shorted=None,
    ):
        """Set the board's measurements: functions without arguments, or None.

        `report(event, number)`: called for each fault that comes; `battery`: millivolts; `limits`:
        a Limits for `battery`; `solar`: millivolts of the solar input, for `solar_mv` only;
        `current`: milliamperes; `most`: highest current allowed; `live`: is there voltage behind
        the switch? `shorted`: does the hardware's protection report a short? With `shorted`, the
        current is read once a second only, like everything else. `battery` and `current` return
        None when out of range.
        """
        self._report = report
        self._battery, self._limits, self._solar = battery, limits, solar
        self._current, self._most = current, most
        self._live, self._shorted = live, shorted
        self.watching = bool(battery or current or live or shorted)

    def set(self, wish):
        """Set the wish: may the load be on? A watching switch closes after the first reading."""
        self._wish = bool(wish)
        self._drive()

    def cut(self, _=None):
        """Open the switch at once: interrupt handler for the hardware's protection."""
        self._close(False)
        self._cut = 0

    def serve(self):
        """Keep the switch open, whatever the wish: the unit is in service mode."""
        self.faults |= SERVICE
        self._drive()

    def key(self):
        """Retry, at a key press, after an overload that had used up its retries."""
        if self._trips > RETRIES:
            self._trips = 0
            self._over.go_ms = 0

    def check(self, now):
        """Read due measurements, let faults come and go, drive the switch.

        Returns milliseconds until the next call is due.
        """
        if self._current:
            self._watch_current(now)
        first = self._sampled is None
        age = SAMPLE_MS if first else ticks_diff(now, self._sampled)
        if age >= SAMPLE_MS or self._cut is not None:
            age, faults, self._sampled = 0, self.faults, now
            self._sample(now, first)
            self._drive()
            if faults != self.faults and self.on_change:
                self.on_change()
        due = SAMPLE_MS - age
        if self._high_current is not None:
            return min(due, CONFIRM_MS)
        if self.on and self._current and not self._shorted:
            return min(due, WATCH_MS)
        return due

    def _watch_current(self, now):
        current = self.current_ma = self._current()
        if not self.on or current is None or current <= self._most:
            self._high_current = None
        elif self._high_current is None:
            self._high_current = now
        elif ticks_diff(now, self._high_current) >= CONFIRM_MS:
            self._cut = current

    def _trip(self, now):
        milliamperes, self._cut = self._cut, None
        self._calm = 0
        if not self._over.set:
            self._trips += 1
            self._over.go_ms = RETRY_MS if self._trips <= RETRIES else DAY_MS
            self._judge(self._over, True, False, now, milliamperes or 0, True)

    def _sample(self, now, first):
        shorted = bool(self._shorted and self._shorted())
        if self._cut is not None or (shorted and not self._over.set):
            self._trip(now)
        elif self._judge(self._over, False, not shorted, now) and self._trips > RETRIES:
            self._trips = 0
        self._count_calm()
        mv = self.battery_mv = self._battery() if self._battery else None
        if mv is not None:
            low, back, high = self._limits
            self._judge(self._low, mv < low, mv >= back, now, mv, first)
            self._judge(self._high, mv > high, mv < high - high // _HYSTERESIS, now, mv, first)
        self.solar_mv = self._solar() if self._solar else None
        lost = bool(self._battery) and mv is None
        lost = lost or bool(self._current) and self.current_ma is None
        self._judge(self._sensor, lost, not lost, now, 0, first)
        if self._live:
            live = bool(self._live())
            self._judge(self._bypass, live and not self.on, not live, now)
            self._judge(self._dead, self.on and not live, live, now)

    def _count_calm(self):
        if self.on:
            self._calm = min(self._calm + 1, _CALM)
            if self._calm == _CALM:
                self._trips = 0

    def _judge(self, fault, bad, good, now, number=0, at_once=False):
        changed = fault.judge(bad, good, now, at_once)
        if changed:
            self.faults ^= fault.bit
            if fault.set:
                self._report(fault.event, number)
        return changed

    def _drive(self):
        ready = self._sampled is not None or not self.watching
        on = self._wish and ready and not self.faults and self._cut is None
        if on != self.on:
            self._close(on)
            if self._cut is not None:  # the interrupt came meanwhile
                self._close(False)
            self._high_current = None
            if self.on_change:
                self.on_change()

    def _close(self, on):
        self.on = on
        self._pin(self._active if on else 1 - self._active)
