"""The front panel: what the keys do and what the displays, LEDs and buzzer say.

Synchronous; `now` is `ticks_ms`.

What is said is a `Say`: two lines for a 16x2 display, a text for four 7-segment digits (pages
between bars; a page that is too long scrolls), a pattern for LEDs and buzzer.
"""

from collections import namedtuple
from time import ticks_add, ticks_diff

from firmware import VERSION, load, signals
from firmware.account import DAY
from firmware.texts import text

ENTRY_MS = 20_000  # an entry left alone is dropped
_MESSAGE_MS = 5_000
_STATUS_MS = 10_000
_STEP_MS = 400  # a scrolling text moves on
_STAY = 3  # steps that a page stays which fits
_DIGITS = 4
_LCD_WIDTH = 16
_WARNING = DAY

# What keeps the load switch open, in the order in which they are told: text and four digits.
_FAULTS = (
    (load.SERVICE, "serving", "SErU"),
    (load.BYPASS, "bypass", "bYPS"),
    (load.SENSOR, "sensor", "SEnS"),
    (load.OVER_CURRENT, "overload", "LOAd"),
    (load.LOW_BATTERY, "low", "LobA"),
    (load.HIGH_BATTERY, "high", "HibA"),
)

Say = namedtuple("Say", ("lines", "segments", "pattern"))


def days(seconds):
    """Days left as a customer reads them: rounded up, so that 0 is never shown while the load is
    on.
    """
    return (seconds + DAY - 1) // DAY


def frames(segments):
    """What four digits show of a text, step by step, each of the four characters right-aligned.

    A single frame stands still.
    """
    if len(segments) <= _DIGITS:
        return [_right(segments, _DIGITS)]
    steps = []
    for page in segments.split("|"):
        if len(page) <= _DIGITS:
            steps += [_right(page, _DIGITS)] * _STAY
        else:
            last = len(page) - _DIGITS
            steps += [page[:_DIGITS]] * (_STAY - 1)
            steps += [page[i : i + _DIGITS] for i in range(last)]
            steps += [page[last:]] * _STAY
    return steps


class Panel:
    """Keys in, messages out.

    `unit`: firmware.unit.Unit; `submit(digits)` is called with an entry to be judged;
    `play(pattern)`: firmware.signals.
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
        """A key was pressed; "" is one whose meaning shows only later.

        Whoever types on while an entry is judged loses nothing.
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
        """These keys seem to be stuck; "" when they came loose."""
        self._stuck = keys
        if keys and not self._entry:
            self._say(_page_stuck(self._unit, keys), now, _MESSAGE_MS)
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
        unit = self._unit
        pages = _PAGES if unit.load.battery_mv is None else _PAGES + (_page_battery,)
        self._page = 0 if self._page is None else self._page + 1
        self._page %= len(pages) + bool(self._stuck)
        if self._page < len(pages):
            self._say(pages[self._page](unit), now, _STATUS_MS)
        else:
            self._say(_page_stuck(self._unit, self._stuck), now, _STATUS_MS)

    def judged(self, outcome, now):
        """An entry was judged: say how it came out (None: it could not be).

        If the next one is being typed already, only LEDs and buzzer say so.
        """
        said = _result(self._unit, outcome)
        if not self._entry:
            self._page = None
            self._say(said, now, _MESSAGE_MS)
        if said.pattern:
            self._play(said.pattern)

    def _say(self, said, now, milliseconds):
        self._said = said
        self._until = ticks_add(now, milliseconds)
        self._scroll_from = now

    def tick(self, now):
        """Drop what has been there long enough."""
        if (self._entry or self._said) and ticks_diff(self._until, now) <= 0:
            self._clear()

    def due(self, now):
        """Milliseconds until the panel changes by itself, other than by scrolling."""
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
        """The two lines of a 16x2 display."""
        if self._entry:
            return (_text(self._unit, "token"), self._entry[-_LCD_WIDTH:])
        return (self._said or _idle(self._unit)).lines

    def segments(self, now):
        """What four 7-segment digits show: (four characters, milliseconds until they move on).

        The latter is None when they stand still.
        """
        if self._entry:
            return _right(self._entry[-_DIGITS:], _DIGITS), None
        steps = frames((self._said or _idle(self._unit)).segments)
        if len(steps) == 1:
            return steps[0], None
        gone = ticks_diff(now, self._scroll_from)
        return steps[gone // _STEP_MS % len(steps)], _STEP_MS - gone % _STEP_MS


def _text(unit, name, *values):
    return text(unit.identity.language if unit.identity else "en", name, *values)


def _right(value, width):
    value = str(value)
    return " " * (width - len(value)) + value


def _days_text(unit):
    number = days(unit.seconds_left())
    return _text(unit, "day") if number == 1 else _text(unit, "days", number)


def _state(unit):
    if unit.free():
        return _text(unit, "free")
    return _days_text(unit) if unit.active() else _text(unit, "locked")


def _minutes(seconds):
    return (seconds + 59) // 60


def _idle(unit):
    """What the glass shows when nobody does anything."""
    if unit.problem:
        return _problem(unit)
    if not unit.identity:
        return Say((_text(unit, "blank"), ""), "nOnE", None)
    locked = unit.locked_seconds()
    wait = _text(unit, "wait", _minutes(locked)) if locked else ""
    for bit, name, segments in _FAULTS:
        if unit.load.faults & bit and (unit.active() or bit in (load.SERVICE, load.BYPASS)):
            return Say((_text(unit, name), wait or _state(unit)), segments, None)
    if unit.free():
        return Say((_text(unit, "free"), wait), "FrEE", None)
    left = unit.seconds_left()
    if left == 0:
        return Say((_text(unit, "locked"), wait or _text(unit, "enter")), "OFF", None)
    return Say((_days_text(unit), wait), str(days(left)), None)


def _problem(unit):
    if unit.problem == "newer":
        lines = (_text(unit, "newer"), _text(unit, "records"))
        return Say(lines, "Err9", signals.WRONG)
    return Say((_text(unit, "memory"), _text(unit, "unstored")), "Err8", signals.WRONG)


def _result(unit, outcome):
    """What is said of a judged entry."""
    if unit.problem or not unit.identity:
        return _idle(unit)
    if outcome == "LOCKED":
        minutes = _minutes(unit.locked_seconds())
        return Say((_text(unit, "wait", minutes), ""), "L" + _right(minutes, 3), signals.REFUSE)
    if outcome == "MALFORMED":
        lines = (_text(unit, "check"), _text(unit, "lengths", *unit.lengths()))
        return Say(lines, "----", signals.REFUSE)
    if outcome == "INVALID":
        return Say((_text(unit, "invalid"), _idle(unit).lines[1]), "Err", signals.WRONG)
    if outcome == "ALREADY_USED":
        state = _text(unit, "free") if unit.free() else _days_text(unit)
        return Say((_text(unit, "used"), state), "USEd", signals.USED)
    return _valid(unit, outcome)


def _valid(unit, outcome):
    if outcome == "TEST":
        return Say((_text(unit, "test"), ""), "tESt", signals.VALID)
    if unit.free():
        return Say((_text(unit, "free"), ""), "FrEE", signals.FREE)
    if outcome == "RESERVED" or outcome == "EXTENDED":
        return Say((_text(unit, "valid"), ""), "GOOd", signals.VALID)
    if outcome == "SET_TIME" and not unit.active():
        return Say((_text(unit, "locked"), ""), "OFF", signals.VALID)
    name, word = ("maximum", "FULL") if unit.capped else ("valid", "GOOd")
    segments = "{}|{}".format(word, days(unit.seconds_left()))
    return Say((_text(unit, name), _days_text(unit)), segments, signals.VALID)


def _page_days(unit):
    said = _idle(unit)
    faults = unit.clock_faults()
    if faults and not unit.locked_seconds():
        return Say((said.lines[0], _text(unit, "clock", min(faults, 999))), said.segments, None)
    return said


def _page_serial(unit):
    serial = unit.identity.serial if unit.identity else _text(unit, "none")
    segments = "Id|" + serial
    if len(serial) <= _LCD_WIDTH - 4:
        return Say((_text(unit, "serial"), serial), segments, None)
    return Say((serial[:_LCD_WIDTH], serial[_LCD_WIDTH:]), segments, None)


def _page_count(unit):
    count = str(unit.count())
    segments = "C" + _right(count, 3) if len(count) <= 3 else "C|" + count
    return Say((_text(unit, "count"), count), segments, None)


def _page_version(unit):
    return Say((_text(unit, "version"), VERSION), "F|" + VERSION.replace(".", "-"), None)


def _page_result(unit):
    result = _text(unit, _NAMES.get(unit.outcome, "none"))
    return Say((_text(unit, "result"), result), _SHORT.get(unit.outcome, "----"), None)


def _page_battery(unit):
    switch = unit.load
    volts, digits = _tenths(switch.battery_mv)
    rest, segments = "", "b" + digits
    if switch.solar_mv is not None:
        solar, digits = _tenths(switch.solar_mv)
        rest, segments = "PV {}V ".format(solar), segments + "|P" + digits
    if switch.current_ma is not None:
        amperes, digits = _tenths(switch.current_ma)
        rest, segments = rest + "L {}A".format(amperes), segments + "|A" + digits
    return Say((_text(unit, "battery", volts), rest), segments, None)


def _tenths(thousandths):
    """A value to one decimal place, and its three digits without the point."""
    tenths = (max(0, thousandths) + 50) // 100
    return "{}.{}".format(tenths // 10, tenths % 10), _right(tenths, 3)


def _page_stuck(unit, keys):
    return Say((_text(unit, "stuck", keys[0]), keys[1:]), "StUC|" + keys, signals.REFUSE)


_NAMES = {
    "ADD_TIME": "valid",
    "SET_TIME": "valid",
    "DISABLE_PAYG": "free",
    "COUNTER_SYNC": "valid",
    "RESERVED": "valid",
    "EXTENDED": "valid",
    "ALREADY_USED": "used",
    "INVALID": "invalid",
    "TEST": "test",
    "LOCKED": "waited",
    "MALFORMED": "digits",
}
_SHORT = {
    "ADD_TIME": "GOOd",
    "SET_TIME": "GOOd",
    "COUNTER_SYNC": "GOOd",
    "RESERVED": "GOOd",
    "EXTENDED": "GOOd",
    "ALREADY_USED": "USEd",
    "INVALID": "Err",
    "TEST": "tESt",
    "DISABLE_PAYG": "FrEE",
    "LOCKED": "L",
    "MALFORMED": "----",
}
_PAGES = (_page_days, _page_serial, _page_count, _page_version, _page_result)
