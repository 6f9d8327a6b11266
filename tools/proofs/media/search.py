"""Searches all that can happen to a unit's own flash and to its second medium.

Every action in every state, and a power cut before and in every write of it, until no new state
appears. What is scaled down and what counts as the same state: tools/proofs/media/unit.py.

What must hold: no token is credited twice. Load-on time and credit together never exceed what
was paid (of two ways to a state the one with less slack counts). The count never goes back. What
the second medium knows is not lost with the flash, unless it knows less than the platform. The
second medium is up to date after each start that it was there for. One thing is given away, by
the rule: a medium that was out, refused, or is an older copy, but has the identity's count, brings
its credit back, less the bound of a foreign record.
"""

from collections import deque
from typing import NamedTuple

from tools.proofs.media.unit import (
    AWAY,
    FRESH,
    OK,
    OUT,
    REPLACED,
    TOKEN_S,
    UNKNOWN_S,
)
from tools.proofs.stepper import Violation

TWICE = "a token was credited twice"
OVERDRAWN = "more was had, or is left, than was paid"
BACK = "the count went back"
LOST = "what the second medium knows was lost with the flash"
BEHIND = "the second medium was not brought up to date"
PROMISES = (TWICE, OVERDRAWN, BACK, LOST, BEHIND)


class Faults(NamedTuple):
    """What may happen to the media beside power cuts, loss of the flash, and replacement.

    own, second: modes that they may be in. hot: the second one is also replaced under power.
    """

    own: tuple = ()
    second: tuple = ()
    hot: bool = False


NO_FAULTS = Faults()


class Found(NamedTuple):
    """What a search saw.

    runs: actions done. cuts: power cuts among them. least_slack_s: the least of what was paid and
    neither had nor left, of a running unit. violation: a Violation with its `path`, or None.
    """

    states: int
    runs: int
    cuts: int
    depth: int
    least_slack_s: float
    violation: object


class Walk:
    """Does actions on a bench, and watches what must hold.

    An action is a word and a number. `unused`: milliseconds of load paid for and not had.
    """

    def __init__(self, bench, faults, promises):
        self.bench = bench
        self.faults = faults
        self.promises = promises
        self.unused = 0
        self.least = TOKEN_S * 1000

    def actions(self, state):
        """What may happen next."""
        found = [("issue", 0)] if state.issued < len(self.bench.tokens) else []
        if state.ram:
            found += [("power off", 0), ("run", 0)]
            found += [("enter", number) for number in range(state.issued)]
            found += self._modes("own", state.own_mode, self.faults.own)
        else:
            found.append(("start", 0))
            if any(state.own):
                found.append(("lose flash", 0))
        found += self._modes("second", state.second_mode, self.faults.second)
        if state.second_mode != OUT and state.kept != state.second:
            found.append(("copy", 0))
            if self.faults.hot or not state.ram:
                found += [("put copy in", turn) for turn in ((0, 1) if state.ram else (0,))]
        return found

    def _modes(self, which, mode, faults):
        return [(f"{which} {other}", 0) for other in ((OK,) if mode != OK else faults)]

    def do(self, state, action):
        """Return the state after an action; what power cuts leave is in `bench.cuts`."""
        word, number = action
        if word == "issue":
            state = state._replace(issued=state.issued + 1)
        elif word == "copy":
            state = state._replace(kept=self.bench.copied(state))
        elif word == "put copy in":
            kept = tuple(state.kept[at ^ number] for at in range(len(state.kept)))
            state = state._replace(second=kept, second_mode=OK, trust=REPLACED)
        elif word == "lose flash":
            state = state._replace(own=(b"",) * len(state.own), own_mode=OK)
        elif word.startswith("second "):
            trust = REPLACED if state.trust == REPLACED else AWAY
            state = state._replace(second_mode=word[7:], trust=trust)
        elif word.startswith("own "):
            state = state._replace(own_mode=word[4:])
        bench = self.bench
        bench.take(state)
        if word == "power off":
            bench.unit = None
        elif word in ("run", "enter", "start"):
            seen_late = bool(bench.unit and bench.unit._store._unread)
            getattr(self, "_" + word)(number)
            if not seen_late:
                self._trust(word == "start")
            self._look()
        self.unused -= bench.load.count()
        return bench.lay_down()

    def _run(self, _):
        """Until something is due; then that."""
        bench = self.bench
        bench.tasks.now += max(10, bench.unit.due())
        bench.unit.tick()
        if bench.unit.beat_due(True):
            bench.unit.beat()

    def _enter(self, number):
        bench = self.bench
        unit = bench.unit
        unit.outcome = None
        for _ in unit.entering(bench.tokens[number][1]):
            pass
        if unit.outcome == "ADD_TIME":
            if bench.here.credited >> number & 1:
                self._broken(TWICE)
            self._credit(number)

    def _start(self, _):
        """The unit starts; one that is blank gets its identity, with the platform's count."""
        bench = self.bench
        here, own, second = bench.here, bench.known(bench.here.own), None
        if here.second_mode != OUT:
            second = bench.known(here.second)
        bench.new_unit()
        bench.unit.start()
        if not bench.unit.identity:
            counts = [1] + [count for count, _ in bench.tokens[: here.issued]]
            bench.unit.provision(bench.identities[counts[-1]])
        if not own:
            self._restored(second, bench.unit)

    def _trust(self, start):
        """Does the second medium have to be up to date now?"""
        bench, here = self.bench, self.bench.here
        stored = bench.own.contents() != here.own and not bench.unit.problem
        if here.second_mode == OK and stored and (start or here.trust == AWAY):
            bench.here = here._replace(trust=FRESH)

    def _restored(self, second, unit):
        """The own flash held nothing: all that the second medium knows is there, and no more."""
        left = unit.seconds_left()
        if not second or second.count < unit.identity.count:
            if left:
                self._broken(OVERDRAWN)
            return
        wanted = max(0, second.left - UNKNOWN_S)
        if left < wanted or unit.count() < second.count:
            self._broken(LOST)
        if self.bench.here.trust != FRESH:
            self.unused = max(self.unused, wanted * 1000)

    def unused_after(self, cut, unused):
        """`unused` after a power cut, what the rule gives away included."""
        bench, here = self.bench, self.bench.here
        if cut.state.trust != FRESH and not bench.known(here.own) and bench.known(cut.state.own):
            second = bench.known(here.second)
            if second:
                unused = max(unused, (second.left - UNKNOWN_S) * 1000)
        return unused - cut.on_ms

    def _broken(self, promise):
        if promise in self.promises:
            raise Violation(promise)

    def _credit(self, number):
        self.bench.here = here = self.bench.here
        self.bench.here = here._replace(credited=here.credited | 1 << number)
        self.unused += TOKEN_S * 1000

    def _look(self):
        """What must hold while the unit runs."""
        bench = self.bench
        unit = bench.unit
        for number, (count, digits) in enumerate(bench.tokens):
            if not bench.here.credited >> number & 1 and bench.remembers(digits):
                self._credit(number)
            if bench.here.credited >> number & 1 and unit.count() < count:
                self._broken(BACK)
        slack = self.unused - bench.load.count() - unit.seconds_left() * 1000
        self.least = min(self.least, slack)
        if slack < 0:
            self._broken(OVERDRAWN)
        second = bench.known(bench.second.slots.values())
        up_to_date = second and second.count == unit.count()
        if bench.here.trust == FRESH and not unit.problem and not up_to_date:
            self._broken(BEHIND)


def search(bench, faults=NO_FAULTS, promises=PROMISES, most=10_000_000):
    """Search until a promise is broken; return a Found.

    RuntimeError when `most` states were not enough.
    """
    walk = Walk(bench, faults, promises)
    start = bench.blank()
    best, parents = {start: 0}, {start: None}
    todo, runs, cuts, depth, violation = deque([(start, 0, 0)]), 0, 0, 0, None
    while todo and not violation:
        state, unused, depth = todo.popleft()
        if unused > best[state]:
            continue
        for told, after, now in _steps(walk, state, unused):
            runs += 1
            cuts += "cut" in told
            if now < 0 and OVERDRAWN in walk.promises:
                after = Violation(OVERDRAWN)
            if isinstance(after, Violation):
                violation = after
                violation.path = (*_path(parents, state), told)
                break
            if after not in best or now < best[after]:
                best[after], parents[after] = now, (state, told)
                todo.append((after, now, depth + 1))
        if len(best) > most:
            raise RuntimeError(f"more than {most} states")
    return Found(len(best), runs, cuts, depth, walk.least / 1000, violation)


def _steps(walk, state, unused):
    """Yield (what happened, state after it or Violation, `unused` then)."""
    near = walk.bench.near(state)
    if near:
        yield "near", near, unused
    for action in walk.actions(state):
        word, number = action
        told = f"{word} {number}" if word == "enter" else word
        walk.unused = unused
        try:
            after = walk.do(state, action)
        except Violation as violation:
            yield told, violation, 0
            return
        yield told, after, walk.unused
        for cut in walk.bench.cuts:
            yield f"{told}, {cut.told}", cut.state, walk.unused_after(cut, unused)


def _path(parents, state):
    found = []
    while parents[state]:
        state, told = parents[state]
        found.append(told)
    return found[::-1]
