"""The search over media: it ends, keeps all promises, and finds each planted bug."""

from functools import lru_cache

import pytest

from tools.proofs.media.bugs import BUGS, LONG, SHORT
from tools.proofs.media.search import TWICE

OLD_RULE = "the highest number of all media wins, the identity's count is ignored"


@pytest.mark.long
@pytest.mark.parametrize("scale", SHORT)
def test_no_promise_is_broken_until_no_new_state_appears(scale):
    found = scale.search()
    assert found.violation is None, found.violation.path
    assert found.least_slack_s == 0  # what was paid is given, to the second
    assert found.states > 1000 and found.cuts > 10_000


@lru_cache
def search(name):
    """Return the result of the search with this bug planted: two tests may look at it."""
    return next(bug for bug in BUGS if bug.name == name).search()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_planted_bug_is_found(bug):
    found = search(bug.name)
    assert found.violation, f"not found in {found.states} states"
    assert str(found.violation) == bug.promise


def test_flash_lost_older_memory_put_back_provisioned_at_the_platforms_count():
    bug = next(bug for bug in BUGS if bug.name == OLD_RULE)
    assert bug.promise == TWICE
    path = search(OLD_RULE).violation.path
    copy, lost, back = path.index("copy"), path.index("lose flash"), path.index("put copy in")
    assert copy < path.index("enter 0") < lost < back
    assert path[back:] == ("put copy in", "start", "enter 0")


def test_the_bugs_are_many_and_the_long_scales_go_further():
    assert len(BUGS) >= 5
    assert {scale.faults.hot for scale in LONG} == {False, True}
    assert max(scale.tokens for scale in LONG) > max(scale.tokens for scale in SHORT)
