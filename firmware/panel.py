"""The front panel: what the keys do and what the displays, LEDs and buzzer say.

Synchronous; `now` is `ticks_ms`.

What is said is a `Say`: two lines for a 16x2 display, a text for four 7-segment digits, and how
long it stays.
"""

from collections import namedtuple
from time import ticks_add, ticks_diff

from firmware import VERSION, signals
from firmware.account import DAY

ENTRY_MS = 20_000  # an entry left alone is dropped
_MESSAGE_MS = 5_000
_STATUS_MS = 10_000
_SCROLL_MS = 400
_LCD_WIDTH = 16
_WARNING = DAY

Say = namedtuple("Say", ("lines", "segments", "pattern"))


def days(seconds):
    """Days left as a customer reads them: rounded up, so that 0 is never shown while the load is
    on.
    """
    return (seconds + DAY - 1) // DAY


def _days_text(seconds):
    n = days(seconds)
    return "1 day left" if n == 1 else "{} days left".format(n)


def _minutes(seconds):
    return (seconds + 59) // 60


class Panel:
    """Keys in, messages out.

    `unit`: firmware.unit.Unit; `submit(digits)` is called with an entry to be judged.
    """

    def __init__(self, unit, submit, play):
        self._unit = unit
        self._submit = submit
        self._play = play
        self._entry = ""
        self._said = None  # a message or a status page; None shows the idle page
        self._until = 0
        self._page = None
        self._scroll_from = 0

    def key(self, key, now):
        """A key was pressed."""
        if self._unit.busy:
            return
        pattern = signals.CLICK
        if 0 < self._unit.seconds_left() <= _WARNING:
            pattern = signals.WARN
        if key == "#":
            self._enter(now)
        elif key == "*":
            self._clear()
        elif not key.isdigit() or len(self._entry) >= self._unit.longest():
            pattern = signals.REFUSE
        else:
            if not self._entry:
                self._clear()
            self._entry += key
            self._until = ticks_add(now, ENTRY_MS)
        self._scroll_from = now
        self._play(pattern)

    def _clear(self):
        self._entry = ""
        self._said = self._page = None

    def _enter(self, now):
        if self._entry:
            entry, self._entry = self._entry, ""
            self._submit(entry)
        else:
            self._page = 0 if self._page is None else (self._page + 1) % len(_PAGES)
            self._say(_PAGES[self._page](self._unit), now, _STATUS_MS)

    def judged(self, outcome, now):
        """An entry was judged: say how it came out (None: it could not be)."""
        self._page = None
        self._say(_result(self._unit, outcome), now, _MESSAGE_MS)
        if self._said.pattern:
            self._play(self._said.pattern)

    def _say(self, said, now, milliseconds):
        self._said = said
        self._until = ticks_add(now, milliseconds)
        self._scroll_from = now

    def tick(self, now):
        """Drop what has been there long enough."""
        if (self._entry or self._said) and ticks_diff(self._until, now) <= 0:
            self._clear()

    def due(self, now):
        """Milliseconds until the panel changes by itself."""
        wait = 3600_000
        if self._entry or self._said:
            wait = ticks_diff(self._until, now)
        else:
            left, locked = self._unit.seconds_left(), self._unit.locked_seconds()
            if left:
                wait = ((left - 1) % DAY + 1) * 1000
            if locked:
                wait = min(wait, ((locked - 1) % 60 + 1) * 1000)
        return max(0, min(wait, 3600_000))

    def lines(self):
        """The two lines of a 16x2 display."""
        if self._entry:
            return ("Token", self._entry[-_LCD_WIDTH:])
        return (self._said or _idle(self._unit)).lines

    def segments(self, now):
        """Four characters for a 7-segment display; longer texts scroll."""
        if self._entry:
            text = self._entry[-4:]
        else:
            text = (self._said or _idle(self._unit)).segments
            if len(text) > 4:
                text = (text + "    ")[self._scrolled(len(text) + 4, now) :][:4]
        return " " * (4 - len(text)) + text

    def _scrolled(self, steps, now):
        return ticks_diff(now, self._scroll_from) // _SCROLL_MS % steps


def _idle(unit):
    """What the glass shows when nobody does anything."""
    if unit.problem:
        return _problem(unit)
    if not unit.identity:
        return Say(("No setup", ""), "nOnE", None)
    locked = unit.locked_seconds()
    wait = "Wait {} min".format(_minutes(locked)) if locked else ""
    if unit.free():
        return Say(("Free", wait), "FrEE", None)
    left = unit.seconds_left()
    if left == 0:
        return Say(("Locked", wait or "Enter a token"), "OFF", None)
    return Say((_days_text(left), wait), str(days(left)), None)


def _problem(unit):
    if unit.problem == "newer":
        return Say(("Update needed", "Newer records"), "Err9", signals.WRONG)
    return Say(("Memory fault", "Not stored"), "Err8", signals.WRONG)


def _result(unit, outcome):
    """What is said of a judged entry."""
    if unit.problem or not unit.identity:
        return _idle(unit)
    if outcome == "LOCKED":
        minutes = _minutes(unit.locked_seconds())
        return Say(("Wait {} min".format(minutes), ""), "L" + _right(minutes, 3), signals.REFUSE)
    if outcome == "MALFORMED":
        shorter, longer = unit.lengths()
        return Say(
            ("Check the digits", "{} or {}".format(shorter, longer)), "----", signals.REFUSE
        )
    if outcome == "INVALID":
        return Say(("Invalid", _idle(unit).lines[1]), "Err", signals.WRONG)
    state = "Free" if unit.free() else _days_text(unit.seconds_left())
    if outcome == "ALREADY_USED":
        return Say(("Already used", state), "USEd", signals.USED)
    if unit.free():
        return Say(("Free", ""), "FrEE", signals.FREE)
    if outcome == "RESERVED" or outcome == "EXTENDED":
        return Say(("Valid", ""), "GOOd", signals.VALID)
    if outcome == "SET_TIME" and not unit.active():
        return Say(("Locked", ""), "OFF", signals.VALID)
    if unit.capped:
        return Say(
            ("Valid, maximum", state), "FULL" + _right(days(unit.seconds_left()), 5), signals.VALID
        )
    return Say(("Valid", state), "GOOd" + _right(days(unit.seconds_left()), 5), signals.VALID)


def _right(number, width):
    text = str(number)
    return " " * (width - len(text)) + text


def _page_days(unit):
    said = _idle(unit)
    faults = unit.clock_faults()
    if faults and not unit.locked_seconds():
        return Say((said.lines[0], "Clock faults {}".format(faults)), said.segments, None)
    return said


def _page_serial(unit):
    serial = unit.identity.serial if unit.identity else "none"
    if len(serial) <= _LCD_WIDTH - 4:
        return Say(("Unit ID", serial), "Id  " + serial, None)
    return Say((serial[:_LCD_WIDTH], serial[_LCD_WIDTH:]), "Id  " + serial, None)


def _page_count(unit):
    return Say(("Token count", str(unit.count())), "C" + _right(unit.count(), 3), None)


def _page_version(unit):
    return Say(("Firmware", VERSION), VERSION, None)


def _page_result(unit):
    return Say(
        ("Last result", _NAMES.get(unit.outcome, "none")), _SHORT.get(unit.outcome, "----"), None
    )


_NAMES = {
    "ADD_TIME": "Valid",
    "SET_TIME": "Valid",
    "DISABLE_PAYG": "Free",
    "COUNTER_SYNC": "Valid",
    "RESERVED": "Valid",
    "EXTENDED": "Valid",
    "ALREADY_USED": "Already used",
    "INVALID": "Invalid",
    "LOCKED": "Had to wait",
    "MALFORMED": "Wrong digits",
}
_SHORT = {
    "ALREADY_USED": "USEd",
    "INVALID": "Err",
    "DISABLE_PAYG": "FrEE",
    "LOCKED": "L",
    "MALFORMED": "----",
}
_PAGES = (_page_days, _page_serial, _page_count, _page_version, _page_result)
