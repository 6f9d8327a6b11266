"""Texts of the front panel: the idle page, the message after an entry, the status pages.

Each function gets a `unit` (firmware.unit.Unit) and returns a `Say`.
"""

from collections import namedtuple

from firmware import VERSION, load, signals
from firmware.account import DAY
from firmware.texts import text

LCD_WIDTH = 16

# `lines`: the two lines of a 16x2 display; `segments`: a text for four 7-segment digits, pages
# between bars; `pattern`: a pattern of firmware.signals, or None.
Say = namedtuple("Say", ("lines", "segments", "pattern"))

# Reasons for an open load switch, the first that holds is told: bit, text, four digits.
_FAULTS = (
    (load.SERVICE, "serving", "SErU"),
    (load.BYPASS, "bypass", "bYPS"),
    (load.SENSOR, "sensor", "SEnS"),
    (load.OVER_CURRENT, "overload", "LOAd"),
    (load.LOW_BATTERY, "low", "LobA"),
    (load.HIGH_BATTERY, "high", "HibA"),
)
# Outcomes of an entry: text, four digits, pattern.
_VALID = "valid", "GOOd", signals.VALID
_OUTCOMES = {
    "ADD_TIME": _VALID,
    "SET_TIME": _VALID,
    "COUNTER_SYNC": _VALID,
    "RESERVED": _VALID,
    "EXTENDED": _VALID,
    "DISABLE_PAYG": ("free", "FrEE", signals.FREE),
    "ALREADY_USED": ("used", "USEd", signals.USED),
    "INVALID": ("invalid", "Err", signals.WRONG),
    "TEST": ("test", "tESt", signals.VALID),
    "LOCKED": ("waited", "L", signals.REFUSE),
    "MALFORMED": ("digits", "----", signals.REFUSE),
}


def days(seconds):
    """Return days for a customer: rounded up, so that 0 is never shown while the load is on."""
    return (seconds + DAY - 1) // DAY


def right(value, width):
    """Return a text or number, right-aligned in `width` characters."""
    value = str(value)
    return " " * (width - len(value)) + value


def say(unit, name, *values):
    """Return the text `name` in the unit's language, `values` filled in."""
    return text(unit.identity.language if unit.identity else "en", name, *values)


def _days(unit):
    number = days(unit.seconds_left())
    return say(unit, "day") if number == 1 else say(unit, "days", number)


def _state(unit):
    if unit.free():
        return say(unit, "free")
    return _days(unit) if unit.active() else say(unit, "locked")


def _minutes(seconds):
    return (seconds + 59) // 60


def idle(unit):
    """Return the page for when nobody types."""
    if unit.problem == "newer":
        return Say((say(unit, "newer"), say(unit, "records")), "Err9", signals.WRONG)
    if unit.problem:
        return Say((say(unit, "memory"), say(unit, "unstored")), "Err8", signals.WRONG)
    if not unit.identity:
        return Say((say(unit, "blank"), ""), "nOnE", None)
    locked = unit.locked_seconds()
    wait = say(unit, "wait", _minutes(locked)) if locked else ""
    for bit, name, segments in _FAULTS:
        if unit.load.faults & bit and (unit.active() or bit in (load.SERVICE, load.BYPASS)):
            return Say((say(unit, name), wait or _state(unit)), segments, None)
    if unit.free():
        return Say((say(unit, "free"), wait), "FrEE", None)
    left = unit.seconds_left()
    if left == 0:
        return Say((say(unit, "locked"), wait or say(unit, "enter")), "OFF", None)
    return Say((_days(unit), wait), str(days(left)), None)


def result(unit, outcome):
    """Return the message after an entry; `outcome` is None when nothing could be stored."""
    if unit.problem or outcome is None:
        return idle(unit)
    name, segments, pattern = _OUTCOMES[outcome]
    if name == "valid" and unit.free():
        name, segments, pattern = _OUTCOMES["DISABLE_PAYG"]
    second = ""
    if outcome == "LOCKED":
        minutes = _minutes(unit.locked_seconds())
        return Say((say(unit, "wait", minutes), ""), "L" + right(minutes, 3), pattern)
    if outcome == "MALFORMED":
        name, second = "check", say(unit, "lengths", *unit.lengths())
    elif outcome == "INVALID":
        second = idle(unit).lines[1]
    elif outcome == "ALREADY_USED":
        second = say(unit, "free") if unit.free() else _days(unit)
    elif name == "valid" and outcome not in ("RESERVED", "EXTENDED"):
        name, second, segments = _credit(unit, outcome)
    return Say((say(unit, name), second), segments, pattern)


def _credit(unit, outcome):
    if outcome == "SET_TIME" and not unit.active():
        return "locked", "", "OFF"
    name, word = ("maximum", "FULL") if unit.capped else ("valid", "GOOd")
    return name, _days(unit), "{}|{}".format(word, days(unit.seconds_left()))


def statuses(unit):
    """Return the functions of the status pages in their order; each makes a Say of `unit`."""
    return _PAGES if unit.load.battery_mv is None else _PAGES + (_page_battery,)


def _page_days(unit):
    said = idle(unit)
    faults = unit.clock_faults()
    if faults and not unit.locked_seconds():
        return Say((said.lines[0], say(unit, "clock", min(faults, 999))), said.segments, None)
    return said


def _page_serial(unit):
    serial = unit.identity.serial if unit.identity else say(unit, "none")
    segments = "Id|" + serial
    if len(serial) <= LCD_WIDTH - 4:
        return Say((say(unit, "serial"), serial), segments, None)
    return Say((serial[:LCD_WIDTH], serial[LCD_WIDTH:]), segments, None)


def _page_count(unit):
    count = str(unit.count())
    segments = "C" + right(count, 3) if len(count) <= 3 else "C|" + count
    return Say((say(unit, "count"), count), segments, None)


def _page_version(unit):
    return Say((say(unit, "version"), VERSION), "F|" + VERSION.replace(".", "-"), None)


def _page_result(unit):
    name, segments, _ = _OUTCOMES.get(unit.outcome, ("none", "----", None))
    return Say((say(unit, "result"), say(unit, name)), segments, None)


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
    return Say((say(unit, "battery", volts), rest), segments, None)


def _tenths(thousandths):
    # A value to one decimal place, and its three digits without the point.
    tenths = (max(0, thousandths) + 50) // 100
    return "{}.{}".format(tenths // 10, tenths % 10), right(tenths, 3)


def stuck(unit, keys):
    """Return the message about `keys` that do not come up again."""
    return Say((say(unit, "stuck", keys[0]), keys[1:]), "StUC|" + keys, signals.REFUSE)


_PAGES = (_page_days, _page_serial, _page_count, _page_version, _page_result)
