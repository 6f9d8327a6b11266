"""Many tokens: the heap does not shrink."""

import pytest

from tools.emulator.probe import free_heap
from tools.proofs.emulated import SECOND, add, memories

pytestmark = pytest.mark.emulated

SLACK = 64  # bytes; one of MicroPython's blocks of 16 for each token would be 1,600
KNOWN = 70  # tokens that the unit had before: it remembers the last 64, which takes 512 bytes
PRESSED_US, APART_US = 60_000, 40_000
FIRST = 4  # tokens after which everything has been used once


@pytest.fixture
def rig(launch, probed):
    """A unit without credit that tells its free heap."""
    found = launch(memories(probed, *[f"keys {add(0, 2 * n)}#" for n in range(1, KNOWN + 1)]))
    found.until(lambda: found.board.glass() == " OFF")
    return found


def typed(rig, digits):
    """Type an entry; wait for what the glass says of it."""
    keypad = rig.board.keypad
    for key in digits + "#":
        keypad.press(key)
        rig.wait(PRESSED_US)
        keypad.release(key)
        rig.wait(APART_US)
    rig.until(lambda: rig.board.glass() == "GOOd", 2 * SECOND)
    rig.wait(SECOND // 4)  # what is written then takes no key


def sent(rig, digits):
    """Send an entry over the console."""
    assert rig.ask(f"#TOKEN;{digits}")[0] == "VALID"


@pytest.mark.parametrize("enter, number", ((typed, 100), (sent, 300)))
def test_tokens_leave_nothing_behind(rig, enter, number):
    count = 2 * KNOWN + 2
    for _ in range(FIRST):
        enter(rig, add(1, count))
        count += 2
    before = free_heap(rig)
    for _ in range(number):
        enter(rig, add(1, count))
        count += 2
    assert free_heap(rig) >= before - SLACK
    assert rig.ask("#ID")[2] == str(count - 2)
