"""Units on a pseudo-terminal that speak the console's lines: a right one, and wrong ones.

The decoder is the firmware's (lib/opaygo), the rest a few lines: what a small manufacturer's own
firmware might be. Each fault is one that a real decoder has had or might have.
"""

import os
import pty
import select
import threading
import time
import tty

import opaygo
from tools.seconds import DAY


class RightUnit:
    """Keeps the rules. Without a key it is blank."""

    clock = staticmethod(time.monotonic)
    forgiven = 2

    def __init__(self, key=None, starting_code=None):
        self.device = opaygo.Device(key, starting_code) if key else None
        self.state = opaygo.new_state()
        self.until = self.locked_until = 0
        self.free = False
        self.mistakes = 0

    def power_cycle(self):
        """All that is kept is kept."""

    def answer(self, line):
        """The answer to a line, or None."""
        fields = line.split(";")
        if fields[0] == "#STATUS":
            return "#STATUS;" + self.status()
        if fields[0] == "#SETUP" and self.device is None:
            self.device = opaygo.Device(bytes.fromhex(fields[3]), int(fields[2]))
            return "#SETUP;OK;" + fields[1]
        if fields[0] == "#TOKEN" and len(fields) == 2 and self.device:
            return "#TOKEN;" + self.token(fields[1])
        return "#INVALID"

    def left(self):
        """Paid seconds left."""
        return max(0, round(self.until - self.clock()))

    def shown(self):
        """Those that it tells."""
        return self.left()

    def status(self):
        """Fields of #STATUS."""
        if self.free:
            return "PAYG_DISABLED"
        return f"ACTIVE;{self.shown()}" if self.left() else "INACTIVE"

    def token(self, digits):
        """Fields of #TOKEN."""
        wait = round(self.locked_until - self.clock())
        if wait > 0:
            return f"LOCKED;{wait}"
        try:
            outcome, seconds = self.judge(digits)
        except opaygo.TokenError:
            return "INVALID"
        if outcome == "INVALID":
            self.mistakes += 1
            if self.mistakes > self.forgiven:
                self.locked_until = self.clock() + 60 * min(2 ** (self.mistakes - 2), 512)
            return "INVALID"
        if outcome == "ALREADY_USED":
            return outcome
        self.mistakes = 0
        self.credit(outcome, seconds)
        return "PAYG_DISABLED" if self.free else f"VALID;{self.shown()}"

    def judge(self, digits):
        """Return (outcome, seconds) of a token."""
        verdict, self.state = opaygo.judge(self.device, self.state, digits)
        return verdict.outcome, verdict.seconds

    def credit(self, outcome, seconds):
        """Do what a valid token says."""
        if outcome == "SET_TIME":
            self.free, self.until = False, self.clock() + seconds
        elif outcome == "ADD_TIME" and not self.free:
            self.until = self.clock() + self.left() + seconds
        elif outcome == "DISABLE_PAYG":
            self.free, self.until = True, 0


class CreditsUsed(RightUnit):
    """The mask of used counts slips: of tokens entered in order, the older one counts again."""

    def judge(self, digits):
        before = self.state
        outcome, seconds = super().judge(digits)
        if outcome == "ADD_TIME" and self.state.count > before.count:
            self.state = self.state._replace(used=1, ring=b"")
        return outcome, seconds


class OlderAfterSet(RightUnit):
    """A SET_TIME moves the count, and leaves the counts before it open."""

    def judge(self, digits):
        before = self.state
        outcome, seconds = super().judge(digits)
        if outcome == "SET_TIME":
            used = (before.used << self.state.count - before.count | 1) & 0xFFFF
            self.state = self.state._replace(used=used)
        return outcome, seconds


class ForgetsLockout(RightUnit):
    """The lockout lies in RAM."""

    def power_cycle(self):
        self.locked_until = self.mistakes = 0


class LosesZeros(RightUnit):
    """The token is made a number on its way."""

    def judge(self, digits):
        return super().judge(str(int(digits)))


class PadsZeros(RightUnit):
    """The number is made nine digits again: a token without its zero counts."""

    def judge(self, digits):
        return super().judge(digits.zfill(9))


class RollsBack(RightUnit):
    """A COUNTER_SYNC that was used sets the count again."""

    def judge(self, digits):
        ring, self.state = self.state.ring, self.state._replace(ring=b"")
        outcome, seconds = super().judge(digits)
        if outcome != "COUNTER_SYNC":
            self.state = self.state._replace(ring=ring)
        return outcome, seconds


class TakesCountZero(RightUnit):
    """The search begins at count 0, at the starting code itself."""

    def judge(self, digits):
        code = int(digits)
        start = self.device.starting_code
        value = (code - start) % 1000
        if len(digits) == 9 and code // 1000 == start // 1000 and value <= 995:
            if self.state.count <= 1:
                return "ADD_TIME", value * DAY
        return super().judge(digits)


class SyncsToZero(TakesCountZero):
    """The starting code that says 999 sets the count back to 0, 998 unlocks."""

    def judge(self, digits):
        base = (self.device.starting_code + 999) % 1000
        start = self.device.starting_code // 1000
        if digits == f"{start * 1000 + base:09}":
            return "COUNTER_SYNC", 0
        return RightUnit.judge(self, digits)


FAULTS = {
    # planted fault: the check that must find it
    CreditsUsed: "Credited once, in any order",
    OlderAfterSet: "Older tokens after a SET_TIME",
    ForgetsLockout: "Lockout and power cut",
    LosesZeros: "Leading zeros",
    PadsZeros: "Tokens without their leading zero",
    RollsBack: "Nothing again after a counter sync",
    TakesCountZero: "Count 0 on a new unit",
    SyncsToZero: "Count 0 as unlock and as sync",
}


class Line:
    """A unit on a serial line. `port` is its other end.

    end: of its lines; noise: what it prints between its answers; pace: seconds it thinks; echo:
    whether it repeats what it gets; plug: a file that, when it appears, stands for a power cut.
    """

    def __init__(self, unit, end=b"\r\n", noise=b"", pace=0, echo=False, plug=None):
        self.unit = unit
        self.end, self.noise, self.pace, self.echo, self.plug = end, noise, pace, echo, plug
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.write(self._stopper, b"x")
        self._thread.join()
        for end in (self._master, self._slave, self._stop, self._stopper):
            os.close(end)

    def _serve(self):
        waiting = b""
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            waiting += os.read(self._master, 4096)
            *lines, waiting = waiting.replace(b"\r", b"\n").split(b"\n")
            for line in filter(None, lines):
                self._reply(line)

    def _reply(self, line):
        if self.plug and self.plug.exists():
            self.plug.unlink()
            self.unit.power_cycle()
        if self.echo:
            os.write(self._master, line + self.end)
        if self.pace and select.select([self._stop], [], [], self.pace)[0]:
            return
        answer = self.unit.answer(line.decode()).encode()
        os.write(self._master, self.noise + answer + self.end + self.noise)
