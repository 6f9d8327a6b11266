"""A whole unit as its customer sees it, in plain Python: tokens, credit, lockout, glass.

Whole seconds throughout. Nothing here knows ticks, records or chips.
"""

from tests_host.controller.rules import Ledger

DAY = 86_400
CAP = 9_999 * DAY
VALID = ("ADD_TIME", "SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC", "RESERVED", "EXTENDED")


def lockout(mistakes):
    """Seconds of lockout that the `mistakes`-th wrong token in a row earns."""
    if mistakes <= 2:
        return 0
    return 60 * min(2 ** (mistakes - 2), 512)


def days_text(seconds):
    """Days left as the glass says them: rounded up, so that 0 is never said while there is any."""
    days = -(-seconds // DAY)
    return "1 day left" if days == 1 else f"{days} days left"


class Model:
    """A unit with power. `unit`: tests_host.token.encoder.Unit.

    `left`: paid seconds; `free`: unlocked for good; `mistakes`: wrong tokens in a row; `locked`:
    seconds of lockout left; `capped`: the last entry hit the cap.
    """

    def __init__(self, unit, count=1, time_divider=1, restricted=False):
        self.ledger = Ledger(unit, count, restricted)
        self.time_divider = time_divider
        self.left = 0
        self.free = False
        self.mistakes = 0
        self.locked = 0
        self.capped = False

    def run(self, seconds):
        """Powered time passes."""
        self.left = max(0, self.left - seconds)
        self.locked = max(0, self.locked - seconds)

    def enter(self, typed):
        """An entry is submitted; return its outcome."""
        entry = typed[: self.ledger.lengths()[1]]  # more digits are refused as they are typed
        self.capped = False
        if self.locked:
            return "LOCKED"
        outcome, value = self.ledger.judge(entry)
        if outcome == "INVALID":
            self.mistakes += 1
            self.locked = lockout(self.mistakes)
        elif outcome in VALID:
            self.mistakes = self.locked = 0
            self._credit(outcome, value * DAY // self.time_divider)
        return outcome

    def _credit(self, outcome, seconds):
        if outcome == "SET_TIME":
            self.free = False
            self.left = seconds
        elif outcome == "ADD_TIME" and not self.free:
            self.left += seconds
        elif outcome == "DISABLE_PAYG":
            self.free = True
            self.left = 0
        self.capped = self.left > CAP
        self.left = min(self.left, CAP)

    # --- the glass -----------------------------------------------------------------------

    def idle_glass(self):
        """What is shown when nobody does anything."""
        wait = self._wait()
        if self.free:
            return "Free\n" + wait
        if self.left:
            return days_text(self.left) + "\n" + wait
        return "Locked\n" + (wait or "Enter a token")

    def entry_glass(self, outcome):
        """What is shown right after an entry."""
        if outcome == "LOCKED":
            return self._wait() + "\n"
        if outcome == "MALFORMED":
            return "Check the digits\n{} or {}".format(*self.ledger.lengths())
        if outcome == "INVALID":
            return "Invalid\n" + self.idle_glass().split("\n")[1]
        state = "Free" if self.free else days_text(self.left)
        if outcome == "ALREADY_USED":
            return "Already used\n" + state
        if self.free:
            return "Free\n"
        if outcome in ("RESERVED", "EXTENDED"):
            return "Valid\n"
        if outcome == "SET_TIME" and not self.left:
            return "Locked\n"
        return ("Valid, maximum\n" if self.capped else "Valid\n") + state

    def _wait(self):
        return f"Wait {-(-self.locked // 60)} min" if self.locked else ""
