"""Random entries, in any order: tokens as platforms issue them, and slips as people type them.

Cases that the protocol leaves open are left out: reserved values, the most credit a unit keeps, a
token of two counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tools.conformance.rules import DISABLE, SYNC
from tools.conformance.trial import CollisionError, Trial
from tools.seconds import DAY

FORGIVEN = 2  # mistakes without a lockout
MOST = 2000 * DAY  # credit; more is set, not added to


class Typist:
    """Chooses entries for a trial. `source`: a seeded random.Random."""

    def __init__(self, source: random.Random, trial: Trial) -> None:
        self.random = source
        self.trial = trial
        self.rules = trial.rules
        self.values = [0, 1, 7, 30, 365, 995] + source.sample(range(996), 6)
        self.typed: list[str] = []

    def next(self) -> str:
        """Return an entry."""
        kinds = [kind for kind in MIXTURE if self._possible(kind)]
        kind = self.random.choices(kinds, [MIXTURE[kind] for kind in kinds])[0]
        return kind(self)

    def _possible(self, kind: Kind) -> bool:
        if kind is Typist.extended:
            return self.trial.limits.extended is not None
        if kind in (Typist.sync, Typist.sync_back) and not self.trial.limits.sync:
            return False
        return kind is not Typist.sync_back or self.rules.last > 70

    def _value(self, adds: bool) -> int:
        room: float = (MOST - self.trial.model.left) * self.trial.model.time_divider // DAY
        return self.random.choice([v for v in self.values if not adds or v <= room] or [0])

    def _ahead(self, parity: int) -> int:
        return self.trial.ahead(parity) + 2 * self.random.choice((0, 0, 0, 1, 2))

    def add(self) -> str:
        """Return the next ADD_TIME token, or a later token."""
        return self.trial.token(self._value(True), self._ahead(0))

    def set(self) -> str:
        """Return the next SET_TIME token, or a later token."""
        return self.trial.token(self._value(False), self._ahead(1))

    def jump(self) -> str:
        """Return a token far ahead, at times too far."""
        return self.trial.token(self._value(True), self.random.randint(20, 70))

    def late(self) -> str:
        """Return a token whose count was overtaken."""
        return self.trial.token(self._value(True), -self.random.randint(0, 20))

    def again(self) -> str:
        """Return an earlier entry."""
        return self.random.choice(self.typed[-30:] or [self.add()])

    def disable(self) -> str:
        """Return a token that unlocks."""
        return self.trial.token(DISABLE, self._ahead(self.random.randrange(2)))

    def sync(self) -> str:
        """Return a COUNTER_SYNC forward, at times too far."""
        return self.trial.token(SYNC, self.random.randint(1, 104))

    def sync_back(self) -> str:
        """Return a COUNTER_SYNC backwards, to counts that every unit must still know."""
        # Not far below the highest count: a ledger with that count must stay in reach of a sync.
        highest = max(self.rules.last, self.trial.highest)
        lowest = max(highest - 63, self.rules.floor + 1)
        lowest = min(lowest, self.rules.last)
        return self.rules.token(SYNC, self.random.randint(lowest, self.rules.last))

    def extended(self) -> str:
        """Return an extended token with the value that does nothing on this unit."""
        value = self.trial.limits.extended or 0
        return self.trial.token(value, self.random.randint(-2, 66), True)

    def slip(self) -> str:
        """Return a good token with one wrong digit."""
        token = self.add()
        at = self.random.randrange(len(token) - 5)
        alphabet = "1234" if self.rules.restricted else "0123456789"
        return token[:at] + self.random.choice(alphabet) + token[at + 1 :]

    def short(self) -> str:
        """Return a token without its first digit."""
        return self.add()[1:]


Kind = Callable[[Typist], str]
MIXTURE: dict[Kind, int] = {
    Typist.add: 34,
    Typist.set: 12,
    Typist.jump: 3,
    Typist.late: 14,
    Typist.again: 14,
    Typist.disable: 3,
    Typist.sync: 1,
    Typist.sync_back: 2,
    Typist.extended: 4,
    Typist.slip: 8,
    Typist.short: 3,
}


def random_entries(trial: Trial) -> None:
    """Random entries of all kinds: each answer and each status is the one the model gives."""
    typist = Typist(random.Random(trial.limits.seed), trial)
    in_row = 0  # a unit may count a malformed entry as a mistake, or not
    for done in range(trial.limits.entries):
        entry = typist.set() if in_row >= FORGIVEN else typist.next()
        try:
            outcome = trial.enter(entry)
        except CollisionError:
            continue
        typist.typed.append(entry)
        if outcome in ("INVALID", "MALFORMED"):
            in_row += 1
        elif outcome != "ALREADY_USED":
            in_row = 0
        trial.progress(done + 1, trial.limits.entries)
