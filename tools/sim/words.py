"""The words of the simulator's line protocol: arguments of each command, and the error texts."""

from tools.sim.chips.supply import Supply

BOUNCE_MS = 15  # contacts chatter no longer than this
LONGEST = 400 * 86_400  # seconds that one command may let pass

HELP = {
    "keys": "keys takes the keys to press, one word of 0-9 * # A-D as the keypad has them:"
    " keys 123456789#",
    "advance": "advance takes whole seconds, 0 to %d (400 days): advance 86400" % LONGEST,
    "run": "run takes whole milliseconds, 0 to %d000 (400 days): run 250" % LONGEST,
    "power": "power takes on or off: power off",
    "cut": "cut takes the number of the write step to fail in, 1 is the next, 0 none: cut 3",
    "rtc": "rtc takes set with seconds, lost, or cell for a new one: rtc set -3600",
    "clock": "clock takes rate and a factor from 0 to 1000: clock rate 1.05",
    "flash": "flash takes wipe, report, refuse or take: flash report",
    "status": "status takes nothing",
    "levels": "levels takes nothing",
    "provision": "provision takes nothing",
    "quit": "quit takes nothing",
    "press": "press takes the keys that go down together, one word: press 78",
    "release": "release takes the keys to let go, one word: release 78",
    "supply": "supply takes one of %s and a whole number: supply battery 11000"
    % ", ".join(Supply.KNOBS),
    "bus": "bus takes an address, all or scl, and dead or alive: bus 0x27 dead",
    "events": "events takes nothing",
    "bounce": "bounce takes milliseconds, 0 to %d: bounce 5" % BOUNCE_MS,
}


_REASONS = {
    2: "no such file or directory",
    13: "permission denied",
    20: "not a directory",
    28: "no space left on the disk",
    30: "the file system is read-only",
}


def reason(error):
    """Return the text of an exception; MicroPython has only numbers for the system's errors."""
    number = error.errno if isinstance(error, OSError) else None
    return _REASONS.get(number, str(error))


class Refused(Exception):
    """A malformed or impossible command; the exception's text becomes the answer."""


def whole(words, name):
    """Return the single whole number (0 or more) in `words`, the arguments of command `name`."""
    if len(words) != 1 or not _is_number(words[0]):
        raise Refused(HELP[name])
    return int(words[0])


def duration(words, name, unit):
    """Return the microseconds that command `name` lets pass; `unit`: microseconds of its unit."""
    time = whole(words, name) * unit
    if time > LONGEST * 1_000_000:
        raise Refused(HELP[name])
    return time


def chip_address(word):
    """Return an I2C address, 8 to 119 in decimal or hexadecimal."""
    try:
        address = int(word, 16 if word.startswith("0x") else 10)
    except ValueError:
        address = 0
    if not 8 <= address <= 119:
        raise Refused(HELP["bus"])
    return address


def signed(word):
    """Return a whole number of seconds with or without a sign."""
    sign = word[:1]
    digits = word[1:] if sign in ("+", "-") else word
    if not _is_number(digits):
        raise Refused(HELP["rtc"])
    return -int(digits) if sign == "-" else int(digits)


def rate(word):
    """Return a decimal factor from 0 to 1000 in millionths."""
    integer, point, part = word.partition(".")
    good = _is_number(integer) and (not point or _is_number(part)) and len(word) < 20
    if not good or float(word) > 1000:
        raise Refused(HELP["clock"])
    return int(float(word) * 1_000_000 + 0.5)


def _is_number(word):
    return 0 < len(word) < 16 and all(digit in "0123456789" for digit in word)


def nothing(words, name):
    """Refuse words after a command without arguments."""
    if words:
        raise Refused(HELP[name])


def legend(keypad):
    """Return the keys of a keypad, row by row."""
    return "no keys" if keypad is None else " ".join(keypad.keys)
