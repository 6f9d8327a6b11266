"""The line protocol of `payg sim --headless`: one command in, one JSON object out.

`Session.run` is a generator: each yield gives the time (us) of the next resumption, and the world
resumes the generator when the firmware has nothing left to do at this time. The generator runs
wherever the firmware waits; a power failure unwinds the firmware, never the generator.
"""

import json

from tools.sim.parts import PowerCut
from tools.sim.words import (
    BOUNCE_MS,
    HELP,
    Refused,
    chip_address,
    duration,
    legend,
    nothing,
    rate,
    signed,
    whole,
)
from tools.sim.world import NEVER, Halt

HOLD_US = 30_000  # duration of a key press
GAP_US = 25_000  # pause between two key presses
JUDGE_US = 1_000_000  # longest wait for a judged entry before an answer
BOOT_US = 300_000  # from power on until the unit is up
SLOW_BOOT_US = 5_000_000  # additional wait for a unit with much to repair
SERVICE_US = 50_000  # shortest time for the console to answer a line
POLL_US = 1_000
CHATTER = 4  # number of times a bouncing contact reopens

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


class Session:
    """A script's conversation with a board.

    `firmware`: has `unit` (None while not running), `identity` (of the options, or None) and
    `failure` (the reason for giving up, or None); `read()`: gives a line of bytes, b"" at the end;
    `write(text)`: sends an answer; `save()`: called before each answer; `ready()`: is there a line
    already, for a `read` that must not block?
    """

    def __init__(self, board, console, firmware, read, write, save, ready=lambda: True):
        self.board = board
        self.world = board.world
        self.console = console
        self.firmware = firmware
        self.done = False
        self.waiting = False  # for a command
        self.status = 0
        self._read = read
        self._ready = ready
        self._write = write
        self._save = save
        self._known = dict.fromkeys(_KEPT)
        self._unit = None
        self._entries = 0
        self._result = None
        self._levels_at = 0
        self._bounce_us = 0

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
            self.waiting = True
            while not self._ready():
                yield NEVER
            self.waiting = False
            line = self._read()
            self._result = None
            self._watch_entries()
            try:
                answer = yield from self._command(line)
            except Refused as error:
                answer = {"error": str(error)}
            self._save()
            if line:  # the end of the input is no command
                self._write(json.dumps(answer))

    def fail(self, text):
        """End with a last answer that gives the reason."""
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
        word, _, rest = text.lstrip().partition(" ")
        if line == b"" or word == "quit":
            nothing(rest.split(), "quit")
            self.done = True
            return self._answer()
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
        for key in words[0]:
            self._need_key(key)
        board = self.board
        world = self.world
        for key in words[0]:
            pressed_at = world.now
            self._switch(key, True)
            world.at(pressed_at + HOLD_US, lambda: self._switch(key, False))  # noqa: B023
            yield pressed_at + HOLD_US + GAP_US
            if key == "#":
                yield from self._until_idle(pressed_at + JUDGE_US)
            self._watch_entries()
            if not board.power:
                break

    def _press(self, words):
        """Close one switch for good, for tests of several keys at once."""
        for key in self._some_keys(words, "press"):
            self._switch(key, True)

    def _release(self, words):
        """Open switches at the same moment."""
        for key in self._some_keys(words, "release"):
            self._switch(key, False)

    def _bounce(self, words):
        """Make contacts chatter for this many milliseconds from now on."""
        bounce = whole(words, "bounce")
        if bounce > BOUNCE_MS:
            raise Refused(HELP["bounce"])
        self._bounce_us = bounce * 1_000

    def _supply(self, words):
        """Change battery, solar panel, appliance or wires."""
        supply = self.board.supply
        if len(words) != 2 or words[0] not in supply.KNOBS:
            raise Refused(HELP["supply"])
        supply.turn(words[0], whole(words[1:], "supply"))

    def _bus(self, words):
        """Let chips stop or resume answering; `scl`: hold the clock line low."""
        bus = self.board.bus
        if bus is None or len(words) != 2 or words[1] not in ("dead", "alive"):
            raise Refused(HELP["bus"])
        dead = words[1] == "dead"
        if words[0] == "scl":
            bus.stuck = dead
        else:
            bus.silence(None if words[0] == "all" else chip_address(words[0]), dead)

    def _events(self, words):
        """Return the unit's event log, oldest first: [seconds since 2020, event, number]."""
        nothing(words, "events")
        return {"events": self._need_unit().log.entries()}

    def _switch(self, key, close):
        """Move a switch, with the contact opening and closing until the bounce is over."""
        keypad = self.board.keypad
        first, second = keypad.press, keypad.release
        if not close:
            first, second = second, first
        first(key)
        for turn in range(1, 2 * CHATTER + 1) if self._bounce_us else ():
            move = second if turn & 1 else first
            due = self.world.now + self._bounce_us * turn // (2 * CHATTER)
            self.world.at(due, lambda move=move: move(key))

    def _advance(self, words):
        yield self.world.hurry(duration(words, "advance", 1_000_000))

    def _run(self, words):
        yield self.world.now + duration(words, "run", 1_000)

    def _power(self, words):
        if words == ["off"]:
            if self.board.power:
                if self.firmware.unit is not None:
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
        self.board.steps.arm(whole(words, "cut"))

    def _rtc(self, words):
        clock = self._need_clock()
        if words == ["lost"]:
            clock.lost()
        elif words == ["cell"]:
            clock.battery = True
        elif len(words) == 2 and words[0] == "set":
            clock.set(signed(words[1]))
        else:
            raise Refused(HELP["rtc"])

    def _clock(self, words):
        clock = self._need_clock()
        if len(words) != 2 or words[0] != "rate":
            raise Refused(HELP["clock"])
        clock.set_rate(rate(words[1]))

    def _flash(self, words):
        flash = self.board.flash
        if words == ["report"]:
            erases = flash.erases
            return {"sectors": len(erases), "most": max(erases), "erases": erases}
        if words in (["refuse"], ["take"]):
            flash.refuses = words == ["refuse"]
            return None
        if words != ["wipe"]:
            raise Refused(HELP["flash"])
        flash.wipe()
        if self.board.power:
            self.world.stop("reset")
            yield from self._boot()

    def _provision(self, words):
        nothing(words, "provision")
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
        nothing(words, "status")

    def _levels(self, words):
        """Return the changes of lamps and buzzer, in milliseconds since the last call: for a
        panel.
        """
        nothing(words, "levels")
        since, self._levels_at = self._levels_at, self.world.now
        watches = self.board.watches
        changes = []
        for name in sorted(watches):
            changes += [[(at - since) // 1_000, name, on] for at, on in watches[name].take()]
        changes.sort()
        on = {name: watches[name].on for name in watches}
        on["backlight"] = self.board.power and self.board.lit
        return {"ms": (self.world.now - since) // 1_000, "on": on, "changes": changes}

    # --- between commands ----------------------------------------------------------------

    def _begin(self):
        """Give the options' identity to a blank unit, before the first command."""
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
            pass  # visible in the answer
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
        """Remember the unit's status, for answers while the unit has no power."""
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

    def _need_key(self, key):
        keypad = self.board.keypad
        if keypad is None or not keypad.has(key):
            raise Refused("this keypad has no key %s; it has %s" % (key, legend(keypad)))

    def _some_keys(self, words, command):
        if len(words) != 1:
            raise Refused(HELP[command])
        for key in words[0]:
            self._need_key(key)
        return words[0]

    def _need_unit(self):
        if self.firmware.failure is not None:
            raise Refused(self.firmware.failure)
        if self.firmware.unit is None:
            seen = " / ".join(self.board.glass().split("\n"))
            raise Refused(
                "the firmware is not up: main.py has made no unit yet; the display shows %r" % seen
            )
        return self.firmware.unit

    def _need_clock(self):
        if self.board.clock is None:
            raise Refused("this board has no clock chip")
        return self.board.clock


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
    "press": Session._press,
    "release": Session._release,
    "bounce": Session._bounce,
    "supply": Session._supply,
    "bus": Session._bus,
    "events": Session._events,
}
_ALL = sorted(list(_LASTING) + list(_INSTANT) + ["uart", "quit"])
