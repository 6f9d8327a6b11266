"""No order of the tasks' steps loses or reorders a record, and the search finds those that would.

A scale of seconds; the same with more time and everything at once: make bench ARGS='--only races'.
"""

import pytest

from tools.proofs.interleavings import PLANTED, SCENARIOS, find
from tools.proofs.stepper import Modules


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_of_steps_breaks_a_promise(name):
    found = find(SCENARIOS[name])
    assert found.violation is None, found.violation.path
    assert found.states > 300  # else the search went nowhere


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_race_is_found(name):
    scenario, words, changes = PLANTED[name]
    violation = find(scenario, changes).violation
    assert violation and words in str(violation)


def test_a_bug_that_cannot_be_planted_is_an_error():
    with pytest.raises(ValueError, match="once"):
        Modules(("firmware.app",), {"firmware.app": [("no such line", "")]})
