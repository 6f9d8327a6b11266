"""All sequences of entries up to a depth, judged by the scaled-down engine and specified by sets.

Sequences that lead both to the same state continue alike, and are therefore followed once and
counted.
"""

from dataclasses import dataclass

from opaygo import Device, judge, new_state
from tools.proofs.tokens import spec
from tools.proofs.tokens.small import STARTING_CODE, Token, counts_of, scaled

UNIT = Device(bytes(range(16)), STARTING_CODE)


class DifferenceError(AssertionError):
    """The engine and the specification judged differently; the text shows the sequence."""


@dataclass
class Covered:
    """Extent of a search; depth and sequences are None if every length was covered."""

    depth: int | None
    sequences: int | None
    states: int
    judged: int


def alphabet(values, extended_values, counts, prefixes, wrong):
    """Return one token of each value at each count, and one of the prefix `wrong`."""
    kinds = [(value, False) for value in values] + [(value, True) for value in extended_values]
    tokens = {Token(value, long, prefixes[n]) for value, long in kinds for n in counts}
    tokens |= {Token(value, long, wrong) for value, long in kinds}
    return sorted(tokens, key=lambda token: token.digits)


def explore(small, prefixes, tokens, depth, start=0):
    """Follow all sequences of these tokens up to a depth (None: until nothing new is reached).

    Returns Covered; raises DifferenceError.
    """
    search = _Search(small.windows, prefixes, tokens, start)
    with scaled(small, prefixes):
        sequences = search.close() if depth is None else search.follow(depth)
    judged = len(search.edges) * len(tokens)
    return Covered(depth, sequences, len(search.come_from), judged)


class _Search:
    # Pairs of (engine's state, specification's state) reached so far, and their successors.

    def __init__(self, windows, prefixes, tokens, start):
        self.windows = windows
        self.tokens = [(token, token.digits, counts_of(token, prefixes)) for token in tokens]
        self.first = new_state(start), spec.new_life(start)
        self.edges = {}
        self._queued = {self.first}
        self.come_from = {self.first: None}

    def follow(self, depth):
        """Go through all sequences up to this depth; return the number of sequences."""
        ways = {self.first: 1}  # pair of states -> number of sequences leading there
        sequences = 0
        for _ in range(depth):
            after = {}
            for pair, many in ways.items():
                for reached in self.expand(pair):
                    after[reached] = after.get(reached, 0) + many
            sequences += sum(after.values())
            ways = after
        return sequences

    def close(self):
        """Go through all sequences of any length."""
        todo = [self.first]
        while todo:
            todo += [reached for reached in self.expand(todo.pop()) if self._is_new(reached)]

    def _is_new(self, pair):
        new = pair not in self._queued
        self._queued.add(pair)
        return new

    def expand(self, pair):
        """Return the pairs one entry further, for each token."""
        if pair not in self.edges:
            self.edges[pair] = [self._judge(pair, *token) for token in self.tokens]
        return self.edges[pair]

    def _judge(self, pair, token, typed, counts):
        state, life = pair
        verdict, new = judge(UNIT, state, typed)
        wanted, lived = spec.judge(self.windows, life, token.value, token.extended, typed, counts)
        refused = verdict.outcome in ("ALREADY_USED", "INVALID")
        if verdict != wanted or refused and new is not state or _differ(new, lived):
            way = " ".join([*self._way(pair), typed])
            raise DifferenceError(f"{way}: {verdict} {new}, specified {wanted} {lived}")
        if refused:
            return pair
        # `turn` is only the ring's position in the packed record: no reason for another state.
        reached = new._replace(turn=0), lived
        self.come_from.setdefault(reached, (pair, typed))
        return reached

    def _way(self, pair):
        steps = []
        while self.come_from[pair] is not None:
            pair, typed = self.come_from[pair]
            steps.append(typed)
        return reversed(steps)


def _differ(state, life):
    return (state.count, state.floor) != (life.last, life.floor)
