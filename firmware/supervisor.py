"""Supervision: tasks that check in, a watchdog that is fed only then, restarts that are counted.

A restart that helps is hardly noticed. One that does not leads to minimal mode: after `MANY`
restarts, each within `SPAN_MS` of the one before, the unit runs on its stored credit and nothing
else, and tries again after `SPAN_MS`. If that fails too, the load stays open so long and nothing
is written: `main.py` does not even start the unit.
"""

import asyncio
import io
import sys
from time import sleep_ms, ticks_diff, ticks_ms

from firmware import events
from firmware.texts import text
from firmware.wake import Wake

PERIOD_MS = 3_000  # between two looks; a task sleeps at most LONGEST_MS
LONGEST_MS = 2_000
SPAN_MS = 600_000
MANY = 3
_SERVICE = 255  # in place of a number of restarts
_TASK = 1_000  # a failure's number in the event log: task * 1000 + source line


class StuckError(Exception):
    """A task did not check in."""


class ServiceRequest(Exception):  # noqa: N818 (nothing went wrong)
    """The unit is to restart into service mode."""


class Supervisor:
    """Knows the tasks, and feeds the watchdog once it is armed.

    A task checks in each time it runs, which it does at least every LONGEST_MS. One that waits
    for something from outside says so by its `idle()`. `failed`: number of the task that raised
    or is stuck, from 1 in the order of `watch`; 0 for none.
    """

    def __init__(self):
        self._feed = None
        self._idle = []
        self._ran = []
        self.failed = 0

    def arm(self, feed):
        """From now on `feed` feeds the watchdog, or None if there is none. Call before `run`."""
        self._feed = feed
        if feed:
            Wake.longest = LONGEST_MS

    def watch(self, coroutine, idle=None):
        """Return what is to run in place of `coroutine`, so that each of its steps is seen."""
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
        """Feed the watchdog if all tasks have run since the last time. Raises StuckError."""
        for index, ran in enumerate(self._ran):
            idle = self._idle[index]
            if not ran and not (idle and idle()):
                self.failed = index + 1
                raise StuckError("task {} did not check in".format(index + 1))
            self._ran[index] = False
        self._feed()

    async def run(self):
        """Look for ever; without a watchdog there is nothing to do."""
        while self._feed:
            self.look()
            await asyncio.sleep_ms(PERIOD_MS)

    def note(self, log, error):
        """Write into the event log what ended the tasks.

        Which task and which line, no more: an exception's text could hold a secret.
        """
        if isinstance(error, StuckError):
            log.add(events.TASK_STUCK, self.failed * _TASK)
        else:
            log.add(events.TASK_FAILED, self.failed * _TASK + _line(error))
        log.flush()


def _line(error):
    """Source line where an exception was raised, 0 when unknown."""
    told = io.StringIO()
    sys.print_exception(error, told)
    _, _, rest = told.getvalue().rpartition(", line ")
    digits = ""
    while rest[len(digits) : len(digits) + 1].isdigit():
        digits += rest[len(digits)]
    return int(digits or 0)


class Restarts:
    """How often the unit restarted lately, in a file that only restarts write.

    `files`: firmware.media.Files; `power_on`: it did not restart, it was switched on. `count`:
    restarts in a row; `new`: that is news. `service`: this restart was asked for by `serve`;
    the next one is not.
    """

    def __init__(self, files, power_on):
        self._files = files
        found = files.read("restarts", 0)
        before = found[0] if found else 0
        asked = before == _SERVICE
        self.count = 0 if power_on or asked else min(before + 1, MANY + 1)
        self.new = self.count > before
        self.service = self._write(before) and asked  # once, else it would never end

    @property
    def many(self):
        """Is it time for minimal mode?"""
        return self.count >= MANY

    @property
    def hopeless(self):
        """Has minimal mode failed, too?"""
        return self.count > MANY

    def forget(self):
        """The unit has run for SPAN_MS, or is restarted on purpose: what was before is over."""
        before, self.count = self.count, 0
        self._write(before)

    def serve(self):
        """The next start is one into service mode."""
        before, self.count = self.count, _SERVICE
        self._write(before)

    def _write(self, before):
        if self.count == before:
            return True
        try:
            self._files.write("restarts", 0, bytes((self.count,)))
        except OSError:
            return False  # a flash that fails must not keep the unit from running
        return True


class _Notice:
    """What displays show in minimal mode; looks like a firmware.panel.Panel."""

    def __init__(self, language):
        self._lines = text(language, "service"), text(language, "minimal")

    def lines(self):
        return self._lines

    def segments(self, now):
        return "Err7", None


def run_minimal(unit, displays, feed, restarts):
    """Keep account and load for SPAN_MS, without keys, signals and console.

    A display that fails in any way is left alone.
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
