"""Every sequence of entries, scaled down: jump 6, older 4, ring 4 (and smaller), against sets.

tools/benchmarks/tokens.py goes deeper and prints the figures.
"""

import pytest

from tools.proofs.tokens.exhaustive import explore
from tools.proofs.tokens.searches import MAIN, QUICK


@pytest.mark.parametrize("name", QUICK)
def test_every_sequence(name):
    search = QUICK[name]
    covered = explore(**search.arguments)
    if search.arguments["depth"] is not None:
        assert covered.sequences >= len(search.arguments["tokens"]) ** search.arguments["depth"]
    assert covered.states >= search.states


def test_the_scale_is_the_one_that_is_claimed():
    windows = MAIN.windows
    assert (windows.jump, windows.older, windows.ring) == (6, 4, 4)
