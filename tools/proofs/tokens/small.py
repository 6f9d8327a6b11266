"""The engine scaled down: small windows, and chains from a table instead of hashes.

The code under test is lib/opaygo/decoder.py and state.py, unchanged except for constants. The
chain class is replaced by a class that reads codes from a table, so that equal codes at different
counts can be as frequent as wanted.
"""

from contextlib import contextmanager
from dataclasses import dataclass

from opaygo import decoder as engine
from opaygo import state as ledger
from tools.proofs.tokens.encoder import digits
from tools.proofs.tokens.spec import Windows

STARTING_CODE = 123456789


@dataclass(frozen=True)
class Small:
    """Scaled-down constants: the specification's windows, and constants that only cost time."""

    windows: Windows
    margin: int = 2
    marks: int = 2


@contextmanager
def scaled(small, prefixes):
    """Run the engine with these constants and with chains whose codes begin with these prefixes.

    `prefixes`: for count 0, 1, 2 ... a number below 100,000, the same for all chains.
    """
    windows = small.windows
    constants = (
        (engine, "JUMP", windows.jump),
        (engine, "SYNC_AHEAD", windows.ahead),
        (engine, "SYNC_BACK", windows.back),
        (engine, "MARGIN", small.margin),
        (engine, "Chain", chain_class(prefixes)),
        (ledger, "OLDER", windows.older),
        (ledger, "RING", windows.ring),
        (ledger, "MARKS", small.marks),
    )
    kept = [(module, name, getattr(module, name)) for module, name, _ in constants]
    try:
        for module, name, value in constants:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)


def chain_class(prefixes):
    """Return a class like opaygo.chain.Chain that uses these prefixes instead of hashes."""

    class TableChain:
        def __init__(self, schedule, extended, low, span):
            self.span = span
            self.wanted = low // span

        def seek(self, count, code):
            if count:
                assert code == self.at(count), "a place was remembered that is not on the chain"
            self.count = count

        def at(self, count):
            return prefixes[count] * self.span + count % 10

        @property
        def code(self):
            return self.at(self.count)

        def next(self, hashes):
            assert hashes >= 1
            end = self.count + hashes
            while self.count < end:
                self.count += 1
                if prefixes[self.count] == self.wanted:
                    return 1
            return 0

    return TableChain


@dataclass(frozen=True)
class Token:
    """A token of a table chain: input of the specification, and digits to be typed."""

    value: int
    extended: bool
    prefix: int

    @property
    def digits(self):
        """The token as entered."""
        bases = 1000000 if self.extended else 1000
        base = (STARTING_CODE + self.value) % bases
        return digits(self.prefix * bases + base, self.extended)


def counts_of(token, prefixes):
    """Return the counts from 1 at which a table chain has this token."""
    return frozenset(n for n, prefix in enumerate(prefixes) if n and prefix == token.prefix)
