"""Supervision: tasks check in, the watchdog is fed only if all of them did, restarts are counted.

A customer hardly notices a single restart. If restarts do not help, the unit enters minimal mode:
after `MANY` restarts, each within `SPAN_MS` of the one before, the unit runs on stored credit with
account, load and displays alone, and tries again after `SPAN_MS`. If minimal mode fails, too, the
load stays open for `SPAN_MS` and nothing is written: `main.py` does not even start the unit.
"""

import asyncio
import io
import sys
from time import sleep_ms, ticks_diff, ticks_ms

from firmware import events
from firmware.texts import text
from firmware.wake import Wake

PERIOD_MS = 3_000  # between two looks
LONGEST_MS = 2_000  # longest sleep of a task; below PERIOD_MS
SPAN_MS = 600_000
MANY = 3  # restarts in a row that lead to minimal mode
_SERVICE = 255  # in place of a number of restarts
_TASK = 1_000  # a failure's number in the event log: task * 1000 + source line
_RESERVE = 512  # machine words, for a log entry when the heap is full


class StuckError(Exception):
    """A task did not check in."""


class ServiceRequest(Exception):  # noqa: N818 (nothing went wrong)
    """Restart into service mode."""


class Supervisor:
    """Observes the tasks and feeds the watchdog.

    A task checks in at each step, at least every LONGEST_MS. A task that waits for an outside
    event says so through `idle()`. `failed`: number of the task that raised or is stuck, from 1 in
    the order of `watch`; 0 for none.
    """

    def __init__(self):
        self._feed = None
        self._idle = []
        self._ran = []
        self._reserve = [None] * _RESERVE
        self.failed = 0

    def arm(self, feed, later=False):
        """Feed the watchdog by `feed` from now on; None: there is no watchdog.

        Call before `run`. `later`: a watchdog may be armed while the tasks run already, so that
        none of them may sleep for longer than a watchdog allows.
        """
        self._feed = feed
        if feed or later:
            Wake.longest = LONGEST_MS

    def watch(self, coroutine, idle=None):
        """Wrap a task's coroutine so that the supervisor sees each step; return the wrapper, to be
        run instead.

        `idle`: function that returns True while the task waits for an outside event, or None.
        """
        self._idle.append(idle)
        self._ran.append(True)
        return self._steps(coroutine, len(self._ran))

    def _steps(self, coroutine, number):
        while True:
            self._ran[number - 1] = True
            try:
                step = coroutine.send(None)
            except StopIteration:
                return
            except Exception:
                self.failed = number
                raise
            yield step

    def look(self):
        """Feed the watchdog if every task has run or was idle since the last look. Raises
        StuckError.
        """
        for index, ran in enumerate(self._ran):
            idle = self._idle[index]
            if not ran and not (idle and idle()):
                self.failed = index + 1
                raise StuckError("task {} did not check in".format(index + 1))
            self._ran[index] = False
        self._feed()

    async def run(self):
        """Look every PERIOD_MS; return at once if there is no watchdog."""
        while self._feed:
            self.look()
            await asyncio.sleep_ms(PERIOD_MS)

    def note(self, log, error):
        """Log the error that ended the tasks. Raises nothing when memory is short.

        Only the task and the source line are logged: an exception's text could hold a secret.
        """
        self._reserve = None  # the heap may be full: this is room for the rest
        event, number = events.TASK_STUCK, self.failed * _TASK
        try:
            if not isinstance(error, StuckError):
                event = events.TASK_FAILED
                number += _line(error)
        except MemoryError:
            pass  # an entry without the line
        try:
            log.add(event, number)
        except MemoryError:
            pass  # the reset must follow
        log.flush()


def _line(error):
    """Return the source line where an exception was raised, 0 when unknown."""
    told = io.StringIO()
    sys.print_exception(error, told)
    _, _, rest = told.getvalue().rpartition(", line ")
    digits = ""
    while rest[len(digits) : len(digits) + 1].isdigit():
        digits += rest[len(digits)]
    return int(digits or 0)


class Restarts:
    """Counts recent restarts, in a file written only when the count changes.

    A blank unit counts none: it is soft-reset at its prompt, which an ESP32 tells from a power-on.

    `files`: firmware.media.Files; `power_on`: this start is a power-on, not a restart; `count`:
    restarts in a row; `new`: the count rose with this start; `service`: `serve` asked for this
    restart (the next start is a normal start again).
    """

    def __init__(self, files, power_on):
        self._files = files
        found = files.read("restarts", 0)
        before = found[0] if found else 0
        asked = before == _SERVICE
        if power_on or asked or not any([files.read("identity", slot) for slot in (0, 1)]):
            self.count = 0
        else:
            self.count = min(before + 1, MANY + 1)
        self.new = self.count > before
        self.service = self._write(before) and asked  # once, or service mode would never end

    @property
    def many(self):
        """Is it time for minimal mode?"""
        return self.count >= MANY

    @property
    def hopeless(self):
        """Has minimal mode failed, too?"""
        return self.count > MANY

    def forget(self):
        """Reset the count: the unit has run for SPAN_MS, or restarts on purpose."""
        before, self.count = self.count, 0
        self._write(before)

    def serve(self):
        """Make the next start enter service mode."""
        before, self.count = self.count, _SERVICE
        self._write(before)

    def _write(self, before):
        if self.count == before:
            return True
        try:
            self._files.write("restarts", 0, bytes((self.count,)))
        except OSError:
            return False  # the unit must run even if the flash fails
        return True


class _Notice:
    """Text for displays in minimal mode, with the interface of firmware.panel.Panel."""

    def __init__(self, language):
        self._lines = text(language, "service"), text(language, "minimal")

    def lines(self):
        return self._lines

    def segments(self, now):
        return "Err7", None


def run_minimal(unit, displays, feed, restarts):
    """Run account, load and displays for SPAN_MS, without keys, signals and console.

    `displays`: list of drivers, from which any display that fails is removed; `feed`: feeds the
    watchdog, or None; `restarts`: a Restarts, reset at the end.
    """
    start = ticks_ms()
    notice = _Notice(unit.identity.language)
    while ticks_diff(ticks_ms(), start) < SPAN_MS:
        now = ticks_ms()
        unit.tick()
        if unit.beat_due(True):
            unit.beat()
        if unit.log.pending:
            unit.log.flush()
        due = unit.load.check(now)
        for display in list(displays):
            try:
                display.show(notice, now)
            except Exception:
                displays.remove(display)
        if feed:
            feed()
        sleep_ms(max(1, min(unit.due(), due)))
    restarts.forget()
