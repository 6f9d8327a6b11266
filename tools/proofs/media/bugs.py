"""Bugs of store and unit found by the search over media, and the scales of the search."""

from typing import NamedTuple

from tools.proofs.media import search as media_search
from tools.proofs.media.search import BACK, BEHIND, LOST, NO_FAULTS, OVERDRAWN, TWICE, Faults
from tools.proofs.media.unit import LIES, OUT, REFUSES, SOON, TwoMedia

_STORE, _UNIT = "firmware.store", "firmware.unit"
_BOTH_REFUSE = Faults((REFUSES,), (REFUSES,))


class Scale(NamedTuple):
    """Scale of a search. `tokens`: number; `small`: the second medium takes briefs
    only; `faults`.
    """

    tokens: int
    small: bool
    faults: Faults = NO_FAULTS

    def search(self, changes=None, promises=media_search.PROMISES):
        """Search at this scale, with changes to the code if wanted; return a Found."""
        media = TwoMedia(self.tokens, self.small, changes)
        return media_search.search(media, self.faults, promises)


SHORT = (
    Scale(1, False),
    Scale(2, True),
    Scale(1, True, Faults((), (OUT,))),
    Scale(1, True, Faults((REFUSES,), ())),
    Scale(1, True, Faults(("soon refuses",), ())),
)
LONG = (
    Scale(2, False),
    Scale(3, True),
    Scale(1, True, Faults((REFUSES, LIES, *SOON), ())),
    Scale(1, True, _BOTH_REFUSE),
    Scale(1, True, Faults(hot=True)),
    Scale(1, False, Faults((REFUSES, LIES), ())),
    Scale(1, False, Faults((), (OUT,))),
    Scale(1, False, Faults((), (REFUSES,))),
    Scale(1, False, Faults((), (LIES,))),
    Scale(1, False, _BOTH_REFUSE),
)


class Bug(NamedTuple):
    """A bug, the promise broken by the bug, the scale at which the search finds this, and the
    texts.

    `changes`: (old text, new text), ….
    """

    name: str
    promise: str
    scale: Scale
    module: str
    changes: tuple

    def search(self):
        """Search for the broken promise; return a Found."""
        return self.scale.search({self.module: list(self.changes)}, (self.promise,))


_ANY_BEST = (
    ("        if not best:\n            known", "        if any(found):\n            known"),
    ("record for record in found[1:] if", "record for record in found if"),
)
_NO_COUNT = (
    ("if record[2].count >= count]", "]"),
    ("opaygo.closed(state, count)", "state"),
)
_STORED = "        self._record(account, state)\n        self._timer.replace"
BUGS = (
    Bug(
        "the highest number of all media wins, the identity's count is ignored",
        TWICE,
        Scale(1, True),
        _STORE,
        _ANY_BEST + _NO_COUNT,
    ),
    Bug(
        "the second medium is believed though the own flash has a record",
        OVERDRAWN,
        Scale(1, True, Faults((), (OUT,))),
        _STORE,
        _ANY_BEST,
    ),
    Bug("the identity's count is not compared", TWICE, Scale(1, True), _STORE, _NO_COUNT),
    Bug(
        "a medium that knows as much as the identity is stale",
        LOST,
        Scale(1, True),
        _STORE,
        (("if record[2].count >= count]", "if record[2].count > count]"),),
    ),
    Bug(
        "numbers begin below those seen",
        BEHIND,
        Scale(1, True),
        _STORE,
        (("self._used = max(self._used, found[0])", "pass"),),
    ),
    Bug(
        "numbers begin below those of a medium seen late",
        BEHIND,
        Scale(1, True, Faults((), (OUT,))),
        _STORE,
        (("        if found and found[0] >= self._used:", "        if False:"),),
    ),
    Bug(
        "a record is stored when only the second medium took it",
        BACK,
        Scale(1, True, Faults((REFUSES,), ())),
        _STORE,
        (('            raise StoreError("the own flash did not take the record") from None', ""),),
    ),
    Bug(
        "a medium that comes back is not overwritten",
        LOST,
        Scale(2, False),
        _STORE,
        (("            if not record or record[2] != self._state:", "            if False:"),),
    ),
    Bug(
        "a medium that missed a record is not written again",
        BEHIND,
        Scale(1, True, _BOTH_REFUSE),
        _STORE,
        (("self._bases[index] = 0  # tried again", "pass  # tried again"),),
    ),
    Bug(
        "a copy brought back makes tokens before the identity's count good again",
        TWICE,
        Scale(2, False),
        _STORE,
        (("opaygo.closed(state, count)", "state"),),
    ),
    Bug(
        "a foreign record is charged like an own one",
        OVERDRAWN,
        Scale(1, True),
        _STORE,
        (("                account.bound = UNKNOWN\n", ""),),
    ),
    Bug(
        "a copy that was due while the own flash refused waits for the next hour",
        OVERDRAWN,
        Scale(1, True, Faults((REFUSES,), ())),
        _STORE,
        (("            if copy:\n", "            if False:\n"),),
    ),
    Bug(
        "the record of a start is not copied",
        OVERDRAWN,
        Scale(1, False),
        _UNIT,
        (("None if found else state, True)", "None if found else state)"),),
    ),
    Bug(
        "there is no hourly copy",
        OVERDRAWN,
        Scale(1, True),
        _UNIT,
        (("self._copied >= COPY_S:", "self._copied >= 1 << 30:"),),
    ),
    Bug(
        "credit and token are two records",
        OVERDRAWN,
        Scale(1, True),
        _UNIT,
        ((_STORED, "        self._record(account)\n" + _STORED),),
    ),
    Bug(
        "the token counts before it is stored",
        OVERDRAWN,
        Scale(1, True, Faults(("soon refuses",), ())),
        _UNIT,
        ((_STORED, "        self._timer.replace(account, ticks_ms())\n" + _STORED),),
    ),
)
