"""An electricity meter at the load pin of a simulated unit: time used against time paid.

It knows nothing of the firmware's account: what was paid is what the tokens say that the unit
accepted, each counted once; what was used is how long the pin was on, to the millisecond.
"""

from firmware.account import DOUBT
from tests_host.simulator import Sim
from tests_host.token.encoder import Unit

KEY = bytes.fromhex("8f1c0ad86b6f4cbd9e2b5fd1f9a3c770")
CODE = 516273849
TICKS_MS = 5  # what seconds counted in ticks of a millisecond may add up to
KEY_MS = 300  # a token counts from up to this long before the answer


class OverdrawnError(AssertionError):
    """More was used, or is left, than was paid for."""


class Meter:
    """A unit (time divider 24: a value is hours) with a meter. Use as a context manager.

    `left_ms`: what is still paid for; `on_ms`: all that was used.
    """

    def __init__(self):
        self.unit = Unit(KEY, CODE)
        self.sim = Sim(serial="M1", key=KEY.hex(), starting_code=CODE, time_divider=24)
        self.left_ms = 0
        self.on_ms = 0
        self.boots = 0
        self.honest = True  # nobody moved the clock chip or its rate
        self.locked_ms = 0
        self.answer = None
        self.spent = {}  # count -> entry
        self._on = False

    def __enter__(self):
        self.sim.__enter__()
        self.do("status")
        return self

    def __exit__(self, *exception):
        self.sim.__exit__(*exception)

    def do(self, line):
        """Run a command, read the meter."""
        self.honest = self.honest and not line.startswith(("rtc set", "clock rate"))
        self.boots += line in ("power on", "flash wipe")
        answer = self.sim.do(line)
        if "error" not in answer:  # such as: a unit without power cannot be provisioned
            self.answer = answer
        self._read()
        return answer

    def add(self, hours):
        """Enter the next token that adds hours (0..995)."""
        return self._enter(hours, self._next(0), False)

    def set(self, hours):
        """Enter the next token that sets the hours left."""
        return self._enter(hours, self._next(1), True)

    def enter(self, digits):
        """Enter what must not be worth anything: a wrong token, or one entered before."""
        before = self.left_ms
        result = self._type(digits)
        assert result not in ("ADD_TIME", "SET_TIME"), f"{digits} was credited again"
        self.left_ms = min(before, self.left_ms)

    def check(self):
        """Raise OverdrawnError if the unit gave, or still promises, more than was paid.

        Beyond that there is the stated doubt of docs/threat-model.md: so many seconds, once. An
        honest chip tells whole seconds, so it is off by less than one at each boot.
        """
        doubt_ms = 1000 * DOUBT
        if self.honest:
            doubt_ms = min(doubt_ms, 1000 * self.boots)
        if self.left_ms < -doubt_ms - TICKS_MS:
            raise OverdrawnError(f"{-self.left_ms} ms more than paid")
        left = self.answer["seconds_left"]
        if self.answer["power"] and left and left * 1000 > self.left_ms + doubt_ms + 1000:
            raise OverdrawnError(f"{left} s are left, {self.left_ms / 1000} s are paid")

    def wait_for_lockout(self):
        """Let the lockout end, as far as the unit says."""
        if self.answer["power"] and self.answer["locked_seconds"]:
            self.do(f"advance {self.answer['locked_seconds'] + 1}")

    # --- inside --------------------------------------------------------------------------

    def _next(self, parity):
        count = max([1, *self.spent, self.answer["count"]]) + 1
        return count + (count + parity) % 2

    def _enter(self, hours, count, final):
        if not self.answer["power"] or not self.answer["provisioned"]:
            return
        digits = self.unit.token(hours, count)
        result = self._type(digits)
        if not self.answer["power"]:  # cut in between: the count tells whether it was spent
            self.do("power on")
        elif result is None:
            return
        if self.answer["count"] != count:
            return
        self.spent[count] = digits
        worth = hours * 3_600_000
        self.left_ms = worth + KEY_MS if final else max(self.left_ms, 0) + worth
        self.check()

    def _type(self, digits):
        locked = self.locked_ms
        result = self.do(f"keys {digits}#").get("result")
        if result not in (None, "LOCKED", "MALFORMED"):
            assert locked <= len(digits) * KEY_MS + 2000, "judged before the lockout ended"
        if result == "INVALID":
            self.locked_ms = self.answer["locked_seconds"] * 1000
        elif result not in (None, "LOCKED", "MALFORMED", "ALREADY_USED"):
            self.locked_ms = 0
        return result

    def _read(self):
        levels = self.sim.do("levels")
        at, used = 0, 0
        for then, name, on in levels["changes"]:
            if name == "load":
                used += then - at if self._on else 0
                at, self._on = then, on
        used += levels["ms"] - at if self._on else 0
        self.on_ms += used
        self.left_ms -= used
        if self.answer["power"]:
            self.locked_ms = max(0, self.locked_ms - levels["ms"])
