"""The front panel: the keys, and how long the displays show each page of firmware.pages.

Synchronous; `now` is `ticks_ms`.
"""

from time import ticks_add, ticks_diff

from firmware import pages, signals
from firmware.account import DAY

ENTRY_MS = 20_000  # an entry left alone is dropped
_MESSAGE_MS = 5_000
_STATUS_MS = 10_000
_STEP_MS = 400  # time between two steps of a scrolling text
_STAY = 3  # steps for which a page stays that fits
_DIGITS = 4
_WARNING = DAY


def frames(segments):
    """Return the steps in which four digits show a text, each of four characters.

    A single step stands still.
    """
    if len(segments) <= _DIGITS:
        return [pages.right(segments, _DIGITS)]
    steps = []
    for page in segments.split("|"):
        if len(page) <= _DIGITS:
            steps += [pages.right(page, _DIGITS)] * _STAY
        else:
            last = len(page) - _DIGITS
            steps += [page[:_DIGITS]] * (_STAY - 1)
            steps += [page[i : i + _DIGITS] for i in range(last)]
            steps += [page[last:]] * _STAY
    return steps


class Panel:
    """Takes keys and shows messages.

    `unit`: firmware.unit.Unit; `submit(digits)`: called with an entry to be judged;
    `play(pattern)`: of firmware.signals.
    """

    def __init__(self, unit, submit, play):
        self._unit = unit
        self._submit = submit
        self._play = play
        self._entry = ""
        self._said = None  # a message or a status page; None shows the idle page
        self._until = 0
        self._page = None
        self._stuck = ""
        self._scroll_from = 0

    def key(self, key, now):
        """Take a key press; "" is a key whose meaning shows only later.

        Keys typed while an entry is judged are not lost.
        """
        pattern = signals.CLICK
        if 0 < self._unit.seconds_left() <= _WARNING:
            pattern = signals.WARN
        if key == "#":
            self._enter(now)
        elif key == "*":
            self._clear()
        elif key and (not key.isdigit() or len(self._entry) >= self._unit.longest()):
            pattern = signals.REFUSE
        elif key:
            if not self._entry:
                self._clear()
            self._entry += key
            self._until = ticks_add(now, ENTRY_MS)
        self._scroll_from = now
        self._play(pattern)

    def stuck(self, keys, now):
        """Take note of the keys that seem to be stuck; "" when all came loose."""
        self._stuck = keys
        if keys and not self._entry:
            self._show(pages.stuck(self._unit, keys), now, _MESSAGE_MS)
        if keys:
            self._play(signals.REFUSE)

    def _clear(self):
        self._entry = ""
        self._said = self._page = None

    def _enter(self, now):
        if self._entry:
            entry, self._entry = self._entry, ""
            self._submit(entry)
            return
        shown = pages.statuses(self._unit)
        self._page = 0 if self._page is None else self._page + 1
        self._page %= len(shown) + bool(self._stuck)
        if self._page < len(shown):
            page = shown[self._page](self._unit)
        else:
            page = pages.stuck(self._unit, self._stuck)
        self._show(page, now, _STATUS_MS)

    def judged(self, outcome, now):
        """Show how an entry came out; `outcome` is None when nothing could be stored.

        While the next entry is being typed, only LEDs and buzzer tell.
        """
        said = pages.result(self._unit, outcome)
        if not self._entry:
            self._page = None
            self._show(said, now, _MESSAGE_MS)
        if said.pattern:
            self._play(said.pattern)

    def _show(self, said, now, milliseconds):
        self._said = said
        self._until = ticks_add(now, milliseconds)
        self._scroll_from = now

    def tick(self, now):
        """Drop an entry or a message whose time is over."""
        if (self._entry or self._said) and ticks_diff(self._until, now) <= 0:
            self._clear()

    def due(self, now):
        """Milliseconds until the panel changes by itself, scrolling aside."""
        wait = 3600_000
        if self._entry or self._said:
            wait = ticks_diff(self._until, now)
        else:
            left, locked = self._unit.seconds_left(), self._unit.locked_seconds()
            of_credit, of_lock = self._unit.fractions()
            if left:
                wait = ((left - 1) % DAY + 1) * 1000 - of_credit
            if locked:
                wait = min(wait, ((locked - 1) % 60 + 1) * 1000 - of_lock)
        return max(0, min(wait, 3600_000))

    def lines(self):
        """Return the two lines of a 16x2 display."""
        if self._entry:
            return (pages.say(self._unit, "token"), self._entry[-pages.LCD_WIDTH :])
        return (self._said or pages.idle(self._unit)).lines

    def segments(self, now):
        """Return what four 7-segment digits show, and the milliseconds until they move on.

        The milliseconds are None when the four characters stand still.
        """
        if self._entry:
            return pages.right(self._entry[-_DIGITS:], _DIGITS), None
        steps = frames((self._said or pages.idle(self._unit)).segments)
        if len(steps) == 1:
            return steps[0], None
        gone = ticks_diff(now, self._scroll_from)
        return steps[gone // _STEP_MS % len(steps)], _STEP_MS - gone % _STEP_MS
