"""An electricity meter at the load pin of a simulated unit: time used against time paid.

The meter knows nothing of the firmware's account. Paid time is the sum of the tokens reported as
accepted, each counted once; used time is the load pin's on-time, to the millisecond.
"""

import tempfile
from pathlib import Path

from tools.identity import Identity
from tools.interpreter import simulator_command
from tools.paths import ROOT
from tools.proofs.simulator import Sim
from tools.tokens import make_token

KEY = bytes.fromhex("8f1c0ad86b6f4cbd9e2b5fd1f9a3c770")
UNIT = Identity("M1", KEY, 516273849, time_divider=24)
HOUR_MS = 3_600_000
TICKS_MS = 5  # greatest sum of rounding errors from seconds counted in millisecond ticks
KEY_MS = 300  # a token counts from up to this long before the answer
VALID = ("ADD_TIME", "SET_TIME")
NOT_JUDGED = (None, "LOCKED", "MALFORMED")


class OverdrawnError(AssertionError):
    """More time was used, or is left, than was paid."""


class Meter:
    """A unit (time divider 24: a value is hours) with a meter. Use as a context manager.

    `root`: checkout with the firmware, by default this checkout; `paid_ms`: all paid time, without
    time replaced by a token that sets the time; `on_ms`: all used time; `powered_ms`: time with
    power; `spent`: count -> token.
    """

    def __init__(self, root=None):
        self.paid_ms = self.on_ms = self.powered_ms = 0
        self.answer = None
        self.spent = {}
        self._locked_ms = 0
        self._on = False
        self._root = root or ROOT
        self._folder = None
        self._kept = None
        self._sim = None

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._start(1)
        return self

    def __exit__(self, *exception):
        self._sim.__exit__(*exception)
        self._folder.cleanup()

    @property
    def left_ms(self):
        """Milliseconds paid and not yet used."""
        return self.paid_ms - self.on_ms

    def do(self, line):
        """Run a command of the simulator, read the meter, return the answer."""
        answer = self._sim.do(line)
        if "power" in answer:  # a status, not an error or another form of answer
            self.answer = answer
        self._read()
        return answer

    def add(self, hours):
        """Enter the next token that adds hours (0..995)."""
        self._pay("add", hours)

    def set(self, hours):
        """Enter the next token that sets the hours left."""
        self._pay("set", hours)

    def enter(self, digits):
        """Enter digits that must be worth nothing: a wrong token, or a token entered before."""
        result = self._type(digits)
        assert result not in VALID, f"{digits} was credited again"
        return result

    def check(self):
        """Raise OverdrawnError if the unit gave, or still promises, more than was paid."""
        if self.left_ms < -TICKS_MS:
            raise OverdrawnError(f"{-self.left_ms} ms more than paid")
        left = self.answer["seconds_left"]
        if self.answer["power"] and left and left * 1000 > self.left_ms + 1000:
            raise OverdrawnError(f"{left} s are left, {self.left_ms / 1000} s are paid")

    def wait_for_lockout(self):
        """Let the lockout end, by the unit's own report."""
        if self.answer["power"] and self.answer["locked_seconds"]:
            self.do(f"advance {self.answer['locked_seconds'] + 1}")

    def keep_memory(self):
        """Keep a copy of the second medium, the EEPROM of the clock module."""
        self._kept = self._file("eeprom.bin").read_bytes()

    def lose_flash(self, old=False):
        """Lose the flash; the provider deploys and provisions at the count of the last token.

        `old`: the second medium then has the contents kept by `keep_memory`.
        """
        self._sim.close()
        self._sim.__exit__(None, None, None)
        self._file("flash.bin").unlink()
        if old:
            self._file("eeprom.bin").write_bytes(self._kept)
        self._start(max([1, *self.spent]))

    # --- inside --------------------------------------------------------------------------

    def _start(self, count):
        unit = UNIT._replace(count=count)
        command = simulator_command(unit, self._folder.name, root=self._root)
        self._sim = Sim(command=command).__enter__()
        self._on = False
        self.do("status")

    def _file(self, name):
        return Path(self._folder.name) / name

    def _pay(self, kind, hours):
        if not self.answer["power"] or not self.answer["provisioned"]:
            return
        last = max([1, *self.spent, self.answer["count"]])
        count, digits = make_token(UNIT._replace(count=last), kind, hours)
        result = self._type(digits)
        if not self.answer["power"]:  # cut meanwhile: the count tells whether the token is spent
            self.do("power on")
        elif result is None:
            return
        if self.answer["count"] != count:
            return
        self.spent[count] = digits
        if kind == "set":  # time paid before is void
            self.paid_ms = self.on_ms + KEY_MS
        self.paid_ms += hours * HOUR_MS
        self.check()

    def _type(self, digits):
        locked = self._locked_ms
        result = self.do(f"keys {digits}#").get("result")
        if result not in NOT_JUDGED:
            assert locked <= len(digits) * KEY_MS + 2000, "judged before the lockout ended"
        if result == "INVALID":
            self._locked_ms = self.answer["locked_seconds"] * 1000
        elif result not in (*NOT_JUDGED, "ALREADY_USED"):
            self._locked_ms = 0
        return result

    def _read(self):
        levels = self._sim.do("levels")
        at, used = 0, 0
        for then, name, on in levels["changes"]:
            if name == "load":
                used += then - at if self._on else 0
                at, self._on = then, on
        used += levels["ms"] - at if self._on else 0
        self.on_ms += used
        if self.answer["power"]:
            self.powered_ms += levels["ms"]
            self._locked_ms = max(0, self._locked_ms - levels["ms"])
