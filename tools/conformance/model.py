"""A whole unit in plain Python: tokens, credit, lockout.

Whole seconds throughout. Nothing here knows ticks, records or chips.
"""

from tools.conformance.rules import TokenMaker, TokenRules
from tools.seconds import DAY

CAP = 9_999 * DAY
VALID = ("ADD_TIME", "SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC", "RESERVED", "EXTENDED")


def lockout(mistakes: int) -> int:
    """Return the seconds of lockout for the `mistakes`-th wrong token in a row."""
    if mistakes <= 2:
        return 0
    return 60 * min(1 << mistakes - 2, 512)


class Model:
    """A unit with power. `unit`: as for TokenRules.

    `left`: paid seconds; `free`: unlocked for good; `mistakes`: wrong tokens in a row; `locked`:
    seconds of lockout left; `capped`: the last entry hit the cap.
    """

    def __init__(
        self, unit: TokenMaker, count: int = 1, time_divider: int = 1, restricted: bool = False
    ) -> None:
        self.rules = TokenRules(unit, count, restricted)
        self.time_divider = time_divider
        self.left: float = 0
        self.free = False
        self.mistakes = 0
        self.locked: float = 0
        self.capped = False

    def run(self, seconds: float) -> None:
        """Let powered time pass."""
        self.left = max(0, self.left - seconds)
        self.locked = max(0, self.locked - seconds)

    def enter(self, typed: str) -> str:
        """Submit an entry; return the outcome."""
        entry = typed[: self.rules.lengths()[1]]  # more digits are refused as they are typed
        self.capped = False
        if self.locked:
            return "LOCKED"
        outcome, value = self.rules.judge(entry)
        if outcome == "INVALID":
            self.mistakes += 1
            self.locked = lockout(self.mistakes)
        elif outcome in VALID:
            self.mistakes = self.locked = 0
            self._credit(outcome, value * DAY // self.time_divider)
        return outcome

    def _credit(self, outcome: str, seconds: int) -> None:
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
