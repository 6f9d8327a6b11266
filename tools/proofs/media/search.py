"""Searches every possible course of a unit's own flash and second medium.

Every action in every state is tried, and a power cut before and in every write, until no new state
appears. tools/proofs/media/unit.py says what is scaled down, and when two states count as equal.

Promises: no token is credited twice. Load-on time and credit together never exceed the paid time
(of two ways to a state, the way with less slack counts). The count never goes back. The second
medium's knowledge survives the loss of the flash, unless the platform knows more. The second
medium is up to date after each start in which it took part. The rule gives one thing away: a
medium that was out, refused, or is an older copy, but has the identity's count, brings back the
credit recorded there, less the bound of a foreign record.
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
    """Faults of the media beside power cuts, loss of the flash, and replacement.

    `own`, `second`: possible modes; `hot`: the second medium is also replaced under power.
    """

    own: tuple = ()
    second: tuple = ()
    hot: bool = False


NO_FAULTS = Faults()


class Found(NamedTuple):
    """Result of a search.

    `runs`: number of actions; `cuts`: number of power cuts; `least_slack_s`: least difference, in
    a running unit, between paid time and time used or left; `violation`: a Violation with a
    `path`, or None.
    """

    states: int
    runs: int
    cuts: int
    depth: int
    least_slack_s: float
    violation: object


class Walk:
    """Does actions on two media, and checks the promises.

    An action is a word and a number. `unused`: milliseconds of load paid and not used.
    """

    def __init__(self, media, faults, promises):
        self.media = media
        self.faults = faults
        self.promises = promises
        self.unused = 0
        self.least = TOKEN_S * 1000

    def actions(self, state):
        """Return the actions possible in a state."""
        found = [("issue", 0)] if state.issued < len(self.media.tokens) else []
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
        """Return the state after an action; `media.cuts` has the states after power cuts."""
        word, number = action
        if word == "issue":
            state = state._replace(issued=state.issued + 1)
        elif word == "copy":
            state = state._replace(kept=self.media.copied(state))
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
        media = self.media
        media.take(state)
        if word == "power off":
            media.unit = None
        elif word in ("run", "enter", "start"):
            seen_late = bool(media.unit and media.unit._store._unread)
            getattr(self, "_" + word)(number)
            if not seen_late:
                self._trust(word == "start")
            self._look()
        self.unused -= media.load.count()
        return media.lay_down()

    def _run(self, _):
        """Let time pass until the unit has something to do, then run the unit."""
        media = self.media
        media.tasks.now += max(10, media.unit.due())
        media.unit.tick()
        if media.unit.beat_due(True):
            media.unit.beat()

    def _enter(self, number):
        media = self.media
        unit = media.unit
        unit.outcome = None
        for _ in unit.entering(media.tokens[number][1]):
            pass
        if unit.outcome == "ADD_TIME":
            if media.here.credited >> number & 1:
                self._broken(TWICE)
            self._credit(number)

    def _start(self, _):
        """Start the unit; a blank unit gets the identity, with the platform's count."""
        media = self.media
        here, own, second = media.here, media.known(media.here.own), None
        if here.second_mode != OUT:
            second = media.known(here.second)
        media.new_unit()
        media.unit.start()
        if not media.unit.identity:
            counts = [1] + [count for count, _ in media.tokens[: here.issued]]
            media.unit.provision(media.identities[counts[-1]])
        if not own:
            self._restored(second, media.unit)

    def _trust(self, start):
        """Note whether the second medium has to be up to date now."""
        media, here = self.media, self.media.here
        stored = media.own.contents() != here.own and not media.unit.problem
        if here.second_mode == OK and stored and (start or here.trust == AWAY):
            media.here = here._replace(trust=FRESH)

    def _restored(self, second, unit):
        """Check, after loss of the own flash, that the second medium's knowledge is restored
        exactly.
        """
        left = unit.seconds_left()
        if not second or second.count < unit.identity.count:
            if left:
                self._broken(OVERDRAWN)
            return
        wanted = max(0, second.left - UNKNOWN_S)
        if left < wanted or unit.count() < second.count:
            self._broken(LOST)
        if self.media.here.trust != FRESH:
            self.unused = max(self.unused, wanted * 1000)

    def unused_after(self, cut, unused):
        """Return `unused` after a power cut, including the time given away by the rule."""
        media, here = self.media, self.media.here
        if cut.state.trust != FRESH and not media.known(here.own) and media.known(cut.state.own):
            second = media.known(here.second)
            if second:
                unused = max(unused, (second.left - UNKNOWN_S) * 1000)
        return unused - cut.on_ms

    def _broken(self, promise):
        if promise in self.promises:
            raise Violation(promise)

    def _credit(self, number):
        self.media.here = here = self.media.here
        self.media.here = here._replace(credited=here.credited | 1 << number)
        self.unused += TOKEN_S * 1000

    def _look(self):
        """Check the promises of a running unit."""
        media = self.media
        unit = media.unit
        for number, (count, digits) in enumerate(media.tokens):
            if not media.here.credited >> number & 1 and media.remembers(digits):
                self._credit(number)
            if media.here.credited >> number & 1 and unit.count() < count:
                self._broken(BACK)
        slack = self.unused - media.load.count() - unit.seconds_left() * 1000
        self.least = min(self.least, slack)
        if slack < 0:
            self._broken(OVERDRAWN)
        second = media.known(media.second.slots.values())
        up_to_date = second and second.count == unit.count()
        if media.here.trust == FRESH and not unit.problem and not up_to_date:
            self._broken(BEHIND)


def search(media, faults=NO_FAULTS, promises=PROMISES, most=10_000_000):
    """Search until a promise is broken; return a Found.

    Raises RuntimeError when `most` states are not enough.
    """
    walk = Walk(media, faults, promises)
    start = media.blank()
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
    """Yield (description, next state or Violation, `unused` then) for each action and cut."""
    near = walk.media.near(state)
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
        for cut in walk.media.cuts:
            yield f"{told}, {cut.told}", cut.state, walk.unused_after(cut, unused)


def _path(parents, state):
    found = []
    while parents[state]:
        state, told = parents[state]
        found.append(told)
    return found[::-1]
