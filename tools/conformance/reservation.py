"""The counts of a listed unit that a run may use, in the ledger before an entry uses them.

A run may end at any instant: the ledger is never behind the unit.
"""

import click

from tools.conformance.trial import RESERVED
from tools.conformance.units import BrokenError

NEXT = 62  # counts ahead of a unit's count from which the next token is still in reach
SYNC = 98  # counts ahead from which a COUNTER_SYNC is still in reach


class Reservation:
    """Counts up to `kept` of a unit are used, by the ledger at `place`.

    kept: the ledger's count at the start. `issued`: the highest count of the tokens that other
    programs issued since then, or None.
    """

    def __init__(self, place: str, serial: str, kept: int) -> None:
        self.kept = kept
        self.issued: int | None = None
        self._place = place
        self._serial = serial

    def __call__(self, count: int, further: bool) -> None:
        """Raise the ledger's count to `count` or higher. Raises BrokenError.

        further: keep RESERVED counts in store, for fewer writes.
        """
        if count > self.kept:
            try:
                self._raise(count + RESERVED if further else count)
            except click.ClickException as error:
                raise BrokenError(
                    f"the ledger cannot keep the next counts: {error.message}"
                ) from error

    def _raise(self, count: int) -> None:
        from tools.batches.ledger import Ledger

        with Ledger(self._place, create=False) as ledger:
            there = self._look(ledger.count(self._serial))
            ledger.raise_count(self._serial, count)
        self.kept = max(count, there)

    def _look(self, there: int | None) -> int:
        """Note a count of the ledger that is not the run's; return the count."""
        if there is not None and there > self.kept:
            self.issued = there
        return there or 0

    def look(self) -> None:
        """Note the tokens issued since the last raise. Raises LedgerError."""
        from tools.batches.ledger import Ledger

        with Ledger(self._place, create=False) as ledger:
            self.kept = max(self.kept, self._look(ledger.count(self._serial)))

    def words(self, count: int) -> str:
        """Return the ledger's count beside the unit's count, for the person at the end."""
        ahead = self.kept - count
        text = f"The ledger has count {self.kept}"
        if ahead > 0:
            text += f", {ahead} ahead of the unit"
        if ahead <= 0:
            text += ", the unit's count."
        elif ahead <= NEXT:
            text += "; the unit takes the next token."
        elif ahead <= SYNC:
            text += ": the next token must be a sync (payg token --sync)."
        else:
            text += f": give the next token by payg token --resync {count}."
        if self.issued is not None:
            text += (
                f" Tokens up to count {self.issued} were issued during the run. The unit may"
                " refuse these tokens as used: issue them again."
            )
        return text
