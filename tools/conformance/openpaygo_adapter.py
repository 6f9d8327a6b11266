"""The decoder of the `openpaygo` package as a unit: a worked example of an adapter.

payg conform --command ".venv/bin/python -m tools.conformance.openpaygo_adapter" --yes

The package decodes, and leaves credit, lockout and storage to its user. The adapter adds the
credit only, so that the report shows the decoder; leave the lockout out: `--without lockout`.
`--empty` as an argument starts with an empty list of used counts, as a reader of the package's
signature would.
"""

import sys
import time

from openpaygo import OpenPAYGOTokenDecoder, TokenType
from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

DAY = 86_400
DISABLE = OpenPAYGOTokenShared.PAYG_DISABLE_VALUE
SYNC = OpenPAYGOTokenShared.COUNTER_SYNC_VALUE


class DecoderUnit:
    """A unit of the decoder's state and of credit. `until`: end of the paid time, in seconds."""

    def __init__(self, used: list[int]) -> None:
        self.count = 1
        self.used: list[int] | None = used
        self.until = 0.0
        self.free = False

    def token(self, digits: str) -> str:
        """Return the answer to a token."""
        value, kind, count, used = OpenPAYGOTokenDecoder.decode_token(
            digits, PUBLISHED_KEY.hex(), self.count, self.used, PUBLISHED_CODE
        )
        if kind in (TokenType.ALREADY_USED, TokenType.INVALID):
            return "ALREADY_USED" if kind == TokenType.ALREADY_USED else "INVALID"
        self.used = used
        extended = len(digits) > 9  # whose values are the manufacturer's own: no credit
        self.count = count if value == SYNC and not extended else max(count, self.count)
        if extended or value == SYNC:
            pass
        elif value == DISABLE:
            self.free = True
        elif kind == TokenType.SET_TIME:
            self.free, self.until = False, time.monotonic() + value * DAY
        elif not self.free:
            self.until = time.monotonic() + self.left() + value * DAY
        return "PAYG_DISABLED" if self.free else f"VALID;{self.left()}"

    def left(self) -> int:
        """Return the paid seconds left."""
        return max(0, round(self.until - time.monotonic()))

    def status(self) -> str:
        """Return the answer to #STATUS."""
        if self.free:
            return "PAYG_DISABLED"
        return f"ACTIVE;{self.left()}" if self.left() else "INACTIVE"

    def answer(self, line: str) -> str:
        """Return the answer to a line; an exception of the package is told, and never right."""
        word, _, rest = line.strip().partition(";")
        try:
            if word == "#TOKEN":
                return f"#TOKEN;{self.token(rest)}"
        except Exception as error:
            return f"#TOKEN;ERROR;{type(error).__name__}"
        return f"#STATUS;{self.status()}" if word == "#STATUS" else "#INVALID"


if __name__ == "__main__":
    unit = DecoderUnit([] if "--empty" in sys.argv else [1])
    for line in sys.stdin:
        print(unit.answer(line), flush=True)
