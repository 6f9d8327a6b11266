"""The asyncio shell: tasks that sleep until the next deadline or until another task wakes them."""

from asyncio import Lock, gather, sleep_ms
from time import ticks_diff, ticks_ms

from firmware import events
from firmware.panel import Panel
from firmware.supervisor import LONGEST_MS, SPAN_MS, ServiceRequest
from firmware.unit import WRITING
from firmware.wake import Wake

_SOON = 10  # milliseconds between two looks at something that another task changes
_PATIENCE = 30_000  # milliseconds; a key held longer is held on purpose, and delays no write
_HOUR = 3600_000


class App:
    """Runs a unit with its panel.

    `displays`: drivers with `show(panel, now)`, which returns the milliseconds until the next
    call; `signals`: firmware.signals.Signals; `matrix(on_key, on_stuck)`: makes a keypad.
    """

    def __init__(self, unit, displays, signals, matrix):
        self._unit = unit
        self._displays = displays
        self._signals = signals
        self._panel = Panel(unit, self._submit, signals.play)
        self._keypad = matrix(self._key, self._stuck)
        self._judging = Lock()
        self._waiting = 0  # entries being judged or waiting to be judged
        self._entry = None
        self._entered = Wake()
        self._panel_changed = Wake()
        self._account_changed = Wake()
        self._load_changed = Wake()
        unit.on_change = self._changed
        unit.load.on_change = self._switched

    async def run(self, supervisor, restarts, *others):
        """Run the tasks and `others` (coroutines) for ever, the tasks under a supervisor."""
        watch = supervisor.watch
        tasks = [
            watch(self._keep_account()),
            watch(self._keep_panel()),
            watch(self._judge_entries(), self._waits),
            watch(self._signals.run()),
            watch(self._keypad.run(), lambda: self._keypad.quiet),
            supervisor.run(),
        ]
        if self._unit.load.watching:
            tasks.append(watch(self._keep_load()))
        if restarts.count:
            tasks.append(self._forget(restarts))
        tasks.extend(others)
        await gather(*tasks)

    async def _forget(self, restarts):
        await sleep_ms(SPAN_MS)
        await self._released()
        restarts.forget()

    def _key(self, key):
        self._unit.load.key()
        self._panel.key(key, ticks_ms())
        self._panel_changed.set()

    def _stuck(self, keys):
        self._panel.stuck(keys, ticks_ms())
        if keys:
            self._unit.log.add(events.STUCK_KEY, ord(keys[0]))
        self._changed()

    def _submit(self, digits):
        self._entry = digits
        self._unit.busy = True
        self._entered.set()

    async def _judge_entries(self):
        while True:
            await self._entered.wait_ms(_HOUR)
            if self._entry is None:
                continue
            entry, self._entry = self._entry, None
            await self.enter(entry)

    def _waits(self):
        return self._waiting > 0

    async def enter(self, digits):
        """Judge an entry of the keypad or the console, show the outcome, then return the outcome.

        None when the entry could not be judged.
        """
        unit = self._unit
        self._waiting += 1
        async with self._judging:
            unit.busy = True
            entries = unit.entries
            for step in unit.entering(digits):
                await (self._released() if step == WRITING else sleep_ms(0))
            outcome = unit.outcome if unit.entries > entries else None
            self._panel.judged(outcome, ticks_ms())
            self._show(ticks_ms())
            self._waiting -= 1
            unit.busy = self._waits()
            self._changed()
            return outcome

    def _changed(self):
        self._account_changed.set()
        self._panel_changed.set()

    def _switched(self):
        self._load_changed.set()
        self._changed()

    async def _released(self):
        # A write to flash stops everything for tens of milliseconds: not while a key is down.
        since = ticks_ms()
        while not self._keypad.quiet and ticks_diff(ticks_ms(), since) < _PATIENCE:
            await sleep_ms(_SOON)

    async def _keep_load(self):
        load = self._unit.load
        while True:
            await self._load_changed.wait_ms(load.check(ticks_ms()))

    async def _keep_account(self):
        # No await between the look at what is due and the write: no entry comes in between.
        unit, log = self._unit, self._unit.log
        while True:
            if unit.service:
                unit.load.serve()  # from here on nothing counts the seconds of load
                await sleep_ms(LONGEST_MS)  # time to read the display and to answer the console
                log.flush()
                raise ServiceRequest
            unit.tick()
            quiet = self._keypad.quiet
            if unit.beat_due(quiet):
                unit.beat()
            events_due = log.pending and unit.problem != "memory"  # else events fail, too
            if events_due and quiet:
                log.flush()
                events_due = False
            due = _SOON if events_due else min(unit.due(), _HOUR)
            await self._account_changed.wait_ms(max(_SOON, due))

    async def _keep_panel(self):
        while True:
            now = ticks_ms()
            self._panel.tick(now)
            due = self._show(now)
            # A millisecond late: when the credit ends, the load opens before the display says so.
            await self._panel_changed.wait_ms(min(due, self._panel.due(now)) + 1)

    def _show(self, now):
        due = _HOUR
        for display in self._displays:
            due = min(due, display.show(self._panel, now))
        return due
