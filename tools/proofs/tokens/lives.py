"""Random lives of units: tokens issued by a platform and typed entries, with the expected
verdicts.

The expected verdicts are the specification's. The issuer and count of each token are also known,
so that double credits and refused legal tokens are counted independently of engine and
specification.
"""

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from openpaygo import OpenPAYGOTokenEncoder, TokenType

from tools.proofs.interpreters import Answerer
from tools.proofs.tokens import spec
from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder, digits

WINDOWS = spec.Windows()
DISABLE, SYNC = spec.DISABLE, spec.SYNC
LONGEST = 4000  # above the highest count of any life
RECENT = 5


class KnownUnit(Encoder):
    """A unit all of whose tokens are known: at which counts does a chain have these digits?"""

    def __init__(self, key, starting_code, divider, restricted):
        super().__init__(key, starting_code)
        self.divider = divider
        self.restricted = restricted
        self._counts = {}

    def known(self):
        """Return ((value, extended), codes) of all chains used so far."""
        return self._chains.items()

    def counts(self, value, extended, code):
        """Return the counts from 1 to LONGEST whose token of this value is this code."""
        index = self._counts.get((value, extended))
        if index is None:
            index = self._counts[value, extended] = {}
            bases = 1000000 if extended else 1000
            for count, each in enumerate(self.chain(value, LONGEST, extended)):
                index.setdefault(each // bases, []).append(count)
        found = index.get(code // (1000000 if extended else 1000), ())
        return frozenset(found) - {0}


@dataclass
class Issued:
    """A token with the platform's knowledge; count is 0 if nobody issued the token."""

    code: int
    value: int
    extended: bool
    count: int


@dataclass
class Life:
    """One unit's life as typed.

    `job`: input of replay.py; `expected`: the output expected from replay.py; `issued`: an Issued
    for each entry; `fresh`: had the platform just issued the token? `before`: the specification's
    state at each entry.
    """

    job: dict
    expected: list
    issued: list
    fresh: list
    before: list = field(repr=False)


@dataclass(frozen=True)
class Habits:
    """Probabilities of events; the shares of entries other than new tokens add up below 1.

    `backward`: an issue is a counter sync backwards; `jump`: the platform's count runs ahead, as
    tokens were lost; `keep`: an issued token is kept for a later entry; `late`: a kept token is
    entered; `again`: a recent entry is repeated; `long_ago`: any earlier entry is repeated;
    `wrong`: wrong digits are entered.
    """

    backward: float = 0.01
    jump: float = 0.05
    keep: float = 0.25
    late: float = 0.15
    again: float = 0.12
    long_ago: float = 0.1
    wrong: float = 0.05


HABITS = {
    "usual": Habits(),
    "rarely syncing back": Habits(backward=0.001),
    "often syncing back": Habits(backward=0.1),
    "losing tokens": Habits(jump=0.4),
    "replaying": Habits(late=0.2, again=0.2, long_ago=0.3, backward=0.05),
}


class Author:
    """Writes the lives of one unit."""

    def __init__(self, seed, habits=None):
        self.rng = rng = random.Random(seed)
        self.habits = habits or Habits()
        derived = rng.random() < 0.3
        self.unit = KnownUnit(
            rng.randbytes(16),
            None if derived else rng.randrange(1, 1000000000),
            rng.choice((1, 1, 2, 24, 96, 255)),
            rng.random() < 0.25,
        )
        self.derived = derived
        self.values = (0, 1, 7, 30, 995, rng.randrange(2, 995))
        self.extended = (0, 999, rng.randrange(1000000))

    def chain_class(self):
        """Return a class like opaygo.chain.Chain that looks codes up instead of hashing."""
        unit = self.unit

        class KnownChain:
            def __init__(self, schedule, extended, low, span):
                self.extended = extended
                self.low = low

            def seek(self, count, code):
                self.count = count
                for (value, extended), chain in unit.known():
                    if extended == self.extended and chain[count] == code:
                        self.codes, self.value = chain, value
                        return
                raise AssertionError(f"{code} is at count {count} of no chain")

            @property
            def code(self):
                return self.codes[self.count]

            def next(self, hashes):
                found = unit.counts(self.value, self.extended, self.low)
                end = self.count + hashes
                self.count = min({n for n in found if self.count < n <= end}, default=end)
                return int(self.count in found)

        return KnownChain

    def write(self, entries):
        """Return a Life with this number of entries."""
        start = self.rng.choice((0, 1, 1, self.rng.randrange(1500)))
        self.server = start
        self.kept, self.typed = deque(maxlen=8), []
        life = spec.new_life(start)
        expected, fresh, before = [], [], []
        for _ in range(entries):
            entry = self._not_new()
            fresh.append(entry is None)
            entry = entry or self._new(life)
            self.typed.append(entry)
            before.append(life)
            wanted, life = self._specify(life, entry)
            expected.append(wanted)
        unit = self.unit
        job = {
            "key": unit.key.hex(),
            "starting_code": None if self.derived else unit.starting_code,
            "divider": unit.divider,
            "restricted": unit.restricted,
            "count": start,
            "tokens": [digits(e.code, e.extended, unit.restricted) for e in self.typed],
        }
        return Life(job, expected, self.typed, fresh, before)

    def _specify(self, life, entry):
        unit = self.unit
        counts = unit.counts(entry.value, entry.extended, entry.code)
        return spec.judge(
            WINDOWS, life, entry.value, entry.extended, entry.code, counts, unit.divider
        )

    def _not_new(self):
        # Entry that was not just issued, or None.
        habits, rng = self.habits, self.rng
        dice = rng.random() - habits.wrong
        if dice < 0:
            return self._wrong()
        for share, source in (
            (habits.late, self.kept),
            (habits.again, self.typed[-RECENT:]),
            (habits.long_ago, self.typed),
        ):
            dice -= share
            if dice < 0 and source:
                return rng.choice(source)
        return None

    def _new(self, life):
        entry = self._issue(life)
        while entry.value != SYNC and self.rng.random() < self.habits.keep:
            self.kept.append(entry)
            entry = self._issue(life)
        return entry

    def _issue(self, life):
        habits, rng = self.habits, self.rng
        if rng.random() < habits.backward:
            # The platform lost the count and sets the unit to a guess.
            self.server = max(0, life.last - rng.randrange(64))
            return self._token(SYNC, PLAIN, 1)
        if abs(self.server - life.last) > 60:  # out of the windows: only a sync helps
            return self._token(SYNC, PLAIN, 1)
        if rng.random() < habits.jump:
            self.server += rng.randrange(40)
        dice = rng.random()
        if dice < 0.03:
            return self._token(DISABLE, PLAIN, rng.randrange(2))
        if dice < 0.06:
            return self._token(rng.choice((996, 997)), PLAIN, rng.randrange(2))
        if dice < 0.08:
            return self._token(SYNC, PLAIN, rng.randrange(2))
        if dice < 0.16:
            return self._token(rng.choice(self.extended), EXTENDED, rng.randrange(2))
        return self._token(rng.choice(self.values), PLAIN, rng.random() < 0.15)

    def _token(self, value, extended, odd):
        self.server += 1 if (self.server + 1) % 2 == odd else 2
        self.server = min(self.server, LONGEST - 200)
        code = self.unit.code(value, self.server, extended)
        return Issued(code, value, extended, self.server)

    def _wrong(self):
        # Digits never issued: a mistyped token, anything, or the start of a chain (count 0).
        rng, unit = self.rng, self.unit
        model = rng.choice(self.typed or [Issued(unit.code(1, 0), 1, PLAIN, 0)])
        value, extended, code = model.value, model.extended, model.code
        bases = 1000000 if extended else 1000
        dice = rng.random()
        if dice < 0.6:
            place = 10 ** rng.randrange(6)
            prefix = code // bases
            digit = prefix // place % 10
            prefix += ((digit + rng.randrange(1, 10)) % 10 - digit) * place
            return Issued(prefix * bases + code % bases, value, extended, 0)
        if dice < 0.8:
            return Issued(unit.code(value, 0, extended), value, extended, 0)
        return Issued(rng.randrange(1000000) * bases + code % bases, value, extended, 0)


def oracle(unit, issued):
    """Return the token of an Issued, made by `openpaygo`, the protocol's own encoder."""
    make = OpenPAYGOTokenEncoder.generate_standard_token
    if issued.extended:
        make = OpenPAYGOTokenEncoder.generate_extended_token
    mode = TokenType.SET_TIME if issued.count % 2 else TokenType.ADD_TIME
    before = issued.count - 1
    count, token = make(unit.starting_code, unit.key, issued.value, before, mode, unit.restricted)
    assert count == issued.count
    return token


def check_encoder(author, life):
    """Raise AssertionError unless a random token of the life equals the oracle's."""
    drawn = author.rng.randrange(len(life.issued))
    issued = life.issued[drawn]
    if issued.count:
        assert oracle(author.unit, issued) == life.job["tokens"][drawn]


def account(life, verdicts):
    """Return a Counter of the tokens' fates, by the platform's knowledge.

    `verdicts`: the engine's. double_credits and refused_legal must be 0.
    """
    tally, credited = Counter(), {}
    for issued, fresh, before, verdict in zip(life.issued, life.fresh, life.before, verdicts):
        name = issued.code, issued.extended
        counts = credited.setdefault(name, set())
        tally["entries"] += 1
        tally["fresh"] += fresh
        if verdict[0] in spec.ACCEPTED:
            tally["accepted"] += 1
            tally["late_credited"] += verdict[2] < before.last and verdict[0] == "ADD_TIME"
            if verdict[2] in counts:
                tally["double_credits"] += 1
            elif counts:  # used digits that also belong to a count not used yet
                tally["collisions_credited"] += 1
            counts.add(verdict[2])
        elif issued.count:
            why = _refusal(issued, before, counts)
            tally[why] += 1
            tally["fresh_" + why] += fresh
    return tally


def _refusal(issued, before, credited):
    # Reason why an issued token was refused. credited: counts at which the digits were accepted.
    if issued.count in credited:
        return "used_refused"
    wanted = {issued.count}
    if spec.acceptable(WINDOWS, before, issued.value, issued.extended, wanted):
        return "collisions_refused" if credited else "refused_legal"
    if issued.count <= before.floor:
        return "below_floor_refused"
    return "out_of_window_refused"


def parse(line):
    """Return the verdicts in a line of replay.py as tuples (outcome, value, count, seconds)."""
    verdicts = [field.split(",") for field in line.split()[:-1]]
    return [(outcome, *map(int, numbers)) for outcome, *numbers in verdicts]


def micropython_judge():
    """Return an Answerer for lives' jobs: lib/opaygo on MicroPython."""
    return Answerer("micropython", "tools.proofs.tokens.replay")


def difference(life, verdicts):
    """Return a text about the first verdict that differs from the specification, or ""."""
    for at, (verdict, wanted) in enumerate(zip(verdicts, life.expected)):
        if verdict != wanted:
            return f"entry {at} of {life.job}: {verdict}, specified {wanted}"
    if len(verdicts) != len(life.expected):
        return f"{len(verdicts)} verdicts on {len(life.expected)} entries of {life.job}"
    return ""
