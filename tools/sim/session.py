"""The line protocol of `payg sim --headless`: one command in, one JSON object out.

`Session.run` is a generator: it yields the time (us) it wants control back at, and the world
gives it back when the firmware has nothing left to do at that time. It lives in wherever the
firmware waits; a power failure unwinds the firmware, never this.
"""

import json

from .parts import PowerCut
from .world import Halt

HOLD_US = 30_000  # how long a key is down
GAP_US = 25_000  # and how long nothing is, before the next
JUDGE_US = 1_000_000  # after which an entry that is still not judged is answered all the same
BOOT_US = 300_000  # from power on until the unit is up,
SLOW_BOOT_US = 5_000_000  # or so much more if there is much to repair
SERVICE_US = 50_000  # what the console gets at least to answer a line
POLL_US = 1_000

HELP = {
    "keys": "keys takes the keys to press, one word of 0-9 * # A-D as the keypad has them:"
    " keys 123456789#",
    "advance": "advance takes whole seconds, 0 or more: advance 86400",
    "run": "run takes whole milliseconds, 0 or more: run 250",
    "power": "power takes on or off: power off",
    "cut": "cut takes the number of the write step to fail in, 1 is the next, 0 none: cut 3",
    "rtc": "rtc takes set with seconds, or lost: rtc set -3600",
    "clock": "clock takes rate and a factor from 0 to 1000: clock rate 1.05",
    "flash": "flash takes wipe or report: flash report",
    "status": "status takes nothing",
    "levels": "levels takes nothing",
    "provision": "provision takes nothing",
    "quit": "quit takes nothing",
}

_KEPT = (
    "payg",
    "active",
    "seconds_left",
    "count",
    "locked_seconds",
    "clock_faults",
    "provisioned",
)
_KEYS = "0123456789*#ABCD"


class Refused(Exception):
    """A command that is malformed or cannot be done; its text becomes the answer."""


class Session:
    """One script's conversation with one board.

    `firmware` has `unit` (None while it does not run), `identity` (that of the options, or
    None), `failure` (why it was given up, or None); `read()` gives a line of bytes, b"" at the
    end; `write(text)` sends an answer; `save()` is called before each answer.
    """

    def __init__(self, board, console, firmware, read, write, save):
        self.board = board
        self.world = board.world
        self.console = console
        self.firmware = firmware
        self.done = False
        self.status = 0
        self._read = read
        self._write = write
        self._save = save
        self._known = dict.fromkeys(_KEPT)
        self._unit = None
        self._entries = 0
        self._result = None
        self._levels_at = 0

    def run(self):
        """Serve until the input ends or says quit."""
        yield from self._boot()
        try:
            yield from self._begin()
        except Refused as error:
            self._write(json.dumps({"error": str(error)}))
            self.status = 2
            self.done = True
            return
        while not self.done:
            line = self._read()
            self._result = None
            self._watch_entries()
            try:
                answer = yield from self._command(line)
            except Refused as error:
                answer = {"error": str(error)}
            self._save()
            self._write(json.dumps(answer))

    def fail(self, text):
        """End with one last answer, which says why."""
        self._write(json.dumps({"error": text}))
        self.status = 1
        self.done = True

    # --- commands ------------------------------------------------------------------------

    def _command(self, line):
        try:
            text = line.decode()
        except UnicodeError:
            raise Refused("a command is plain text") from None
        text = text.rstrip("\r\n")
        if line == b"" or text.strip() == "quit":
            self.done = True
            return self._answer()
        word, _, rest = text.lstrip().partition(" ")
        if word == "uart":
            yield from self._uart(rest)
            return self._answer()
        words = rest.split()
        if word in _INSTANT:
            answer = _INSTANT[word](self, words)
        elif word in _LASTING:
            answer = yield from _LASTING[word](self, words)
        else:
            raise Refused("no command %r; there are %s" % (word, ", ".join(_ALL)))
        return self._answer() if answer is None else answer

    def _keys(self, words):
        if len(words) != 1 or not all(key in _KEYS for key in words[0]):
            raise Refused(HELP["keys"])
        self._need_power()
        keypad = self.board.keypad
        for key in words[0]:
            if keypad is None or not keypad.has(key):
                raise Refused("this keypad has no key %s; it has %s" % (key, _legend(keypad)))
        board = self.board
        world = self.world
        for key in words[0]:
            pressed_at = world.now
            keypad.press(key)
            world.at(pressed_at + HOLD_US, keypad.release_all)
            yield pressed_at + HOLD_US + GAP_US
            if key == "#":
                yield from self._until_idle(pressed_at + JUDGE_US)
            self._watch_entries()
            if not board.power:
                break

    def _advance(self, words):
        yield self.world.now + _whole(words, "advance") * 1_000_000

    def _run(self, words):
        yield self.world.now + _whole(words, "run") * 1_000

    def _power(self, words):
        if words == ["off"]:
            if self.board.power:
                self._look()
                self.board.power_off()
        elif words == ["on"]:
            if not self.board.power:
                self.firmware.failure = None
                self.board.power_on()
                yield from self._boot()
        else:
            raise Refused(HELP["power"])

    def _cut(self, words):
        self.board.steps.arm(_whole(words, "cut"))

    def _rtc(self, words):
        clock = self._need_clock()
        if words == ["lost"]:
            clock.lost()
        elif len(words) == 2 and words[0] == "set":
            clock.set(_signed(words[1]))
        else:
            raise Refused(HELP["rtc"])

    def _clock(self, words):
        clock = self._need_clock()
        if len(words) != 2 or words[0] != "rate":
            raise Refused(HELP["clock"])
        clock.set_rate(_rate(words[1]))

    def _flash(self, words):
        flash = self.board.flash
        if words == ["report"]:
            erases = flash.erases
            return {"sectors": len(erases), "most": max(erases), "erases": erases}
        if words != ["wipe"]:
            raise Refused(HELP["flash"])
        flash.wipe()
        if self.board.power:
            self.world.stop("reset")
            yield from self._boot()

    def _provision(self, words):
        _nothing(words, "provision")
        self._need_power()
        identity = self.firmware.identity
        if identity is None:
            raise Refused("no identity given: start with --serial and --key")
        yield from self._give(identity)

    def _uart(self, text):
        self._need_power()
        self.console.feed(text.encode() + b"\n")
        limit = self.world.now + JUDGE_US
        yield self.world.now + SERVICE_US
        while self.console.unread and self.board.power and self.world.now < limit:
            yield self.world.now + POLL_US
        yield from self._until_idle(limit)
        self._watch_entries()

    def _status(self, words):
        _nothing(words, "status")

    def _levels(self, words):
        """What lamps and buzzer did, for a panel: milliseconds since the last asking."""
        _nothing(words, "levels")
        since, self._levels_at = self._levels_at, self.world.now
        watches = self.board.watches
        changes = []
        for name in sorted(watches):
            changes += [[(at - since) // 1_000, name, on] for at, on in watches[name].take()]
        changes.sort()
        on = {name: watches[name].on for name in watches}
        backlight = self.board.backpack is not None and self.board.backpack.backlight
        on["backlight"] = self.board.power and backlight
        return {"ms": (self.world.now - since) // 1_000, "on": on, "changes": changes}

    # --- what happens in between ---------------------------------------------------------

    def _begin(self):
        """Before the first command: the identity of the options goes into a blank unit."""
        self._need_unit()
        identity = self.firmware.identity
        if identity is None:
            self._look()
            return
        if not self.firmware.unit.status()["provisioned"]:
            yield from self._give(identity)
        elif not self.firmware.is_same(identity):
            raise Refused("this state belongs to a unit with another identity")
        if self.board.power:
            self._look()

    def _give(self, identity):
        unit = self._need_unit()
        if unit.status()["provisioned"]:
            if not self.firmware.is_same(identity):
                raise Refused("this unit has another identity already")
            return
        try:
            unit.provision(identity)
        except (PowerCut, Halt):
            pass  # the answer will show it
        except Exception as error:
            raise Refused("the unit refuses this identity: %s" % error) from None
        yield self.world.now + SERVICE_US
        yield from self._until_idle(self.world.now + JUDGE_US)

    def _boot(self):
        yield self.world.now + BOOT_US
        yield from self._until_idle(self.world.now + SLOW_BOOT_US)

    def _until_idle(self, limit):
        while self.world.now < limit and self.board.power and self.firmware.failure is None:
            unit = self.firmware.unit
            if unit is not None and not unit.busy:
                return
            yield min(limit, self.world.now + POLL_US)

    def _watch_entries(self):
        unit = self.firmware.unit if self.board.power else None
        if unit is None:
            return
        if unit is not self._unit:
            self._unit = unit
            self._entries = 0
        if unit.entries != self._entries:
            self._entries = unit.entries
            self._result = unit.outcome

    def _look(self):
        """Remember what the unit says of itself, for when it cannot speak."""
        status = self._need_unit().status()
        self._known = {name: status[name] for name in _KEPT}

    def _answer(self):
        board = self.board
        if board.power:
            self._look()
            self._watch_entries()
        answer = dict(self._known)
        answer["t"] = (self.world.now - board.powered_at) // 1_000_000 if board.power else 0
        answer["power"] = board.power
        answer["display"] = board.glass()
        answer["load"] = board.power and board.load
        answer["result"] = self._result
        answer["uart"] = self.console.take()
        return answer

    def _need_power(self):
        if not self.board.power:
            raise Refused("the unit has no power: power on")

    def _need_unit(self):
        if self.firmware.failure is not None:
            raise Refused(self.firmware.failure)
        if self.firmware.unit is None:
            raise Refused("the firmware is not up: main.py has made no unit yet")
        return self.firmware.unit

    def _need_clock(self):
        if self.board.clock is None:
            raise Refused("this board has no clock chip")
        return self.board.clock


def _whole(words, name):
    if len(words) != 1 or not _is_number(words[0]):
        raise Refused(HELP[name])
    return int(words[0])


def _signed(word):
    sign = word[:1]
    digits = word[1:] if sign in ("+", "-") else word
    if not _is_number(digits):
        raise Refused(HELP["rtc"])
    return -int(digits) if sign == "-" else int(digits)


def _rate(word):
    whole, point, part = word.partition(".")
    good = _is_number(whole) and (not point or _is_number(part)) and len(word) < 20
    if not good or float(word) > 1000:
        raise Refused(HELP["clock"])
    return int(float(word) * 1_000_000 + 0.5)


def _is_number(word):
    return 0 < len(word) < 16 and all(digit in "0123456789" for digit in word)


def _nothing(words, name):
    if words:
        raise Refused(HELP[name])


def _legend(keypad):
    return "no keys" if keypad is None else " ".join(keypad.keys)


_LASTING = {
    "keys": Session._keys,
    "advance": Session._advance,
    "run": Session._run,
    "power": Session._power,
    "flash": Session._flash,
    "provision": Session._provision,
}
_INSTANT = {
    "cut": Session._cut,
    "rtc": Session._rtc,
    "clock": Session._clock,
    "status": Session._status,
    "levels": Session._levels,
}
_ALL = sorted(list(_LASTING) + list(_INSTANT) + ["uart", "quit"])
