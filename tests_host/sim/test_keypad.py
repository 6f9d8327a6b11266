"""The keypad's matrix: joined wires, and ghosts of their own accord."""

from tests_host.sim.support import Clock, refuses
from tools.sim.chips.keypad import Keypad, Watch
from tools.sim.parts import ChipError

KEYS = ("123", "456", "789", "*0#")


def scan(pad):
    """Scan with pull-ups, one row low after the other; return the keys seen."""
    seen = []
    for row in range(4):
        pad.drive(row, 0)
        for column in range(3):
            if pad.levels[4 + column] == 0:
                seen.append(KEYS[row][column])
        pad.drive(row, None)
    return "".join(seen)


def test_every_key_is_seen_alone():
    pad = Keypad(KEYS)
    assert scan(pad) == ""
    for row in KEYS:
        for key in row:
            pad.press(key)
            assert pad.pressed == key
            assert scan(pad) == key
            pad.release(key)
    assert scan(pad) == ""


def test_two_keys_are_two_keys():
    pad = Keypad(KEYS)
    for two in ("12", "19", "14", "58"):
        for key in two:
            pad.press(key)
        assert scan(pad) == two
        pad.release_all()
        assert pad.pressed == ""


def test_three_corners_make_a_ghost():
    pad = Keypad(KEYS)
    for key in "124":
        pad.press(key)
    assert scan(pad) == "1245"
    pad.release("1")
    assert scan(pad) == "24"


def test_opening_the_joint_frees_the_ends():
    pad = Keypad(KEYS)
    pad.drive(0, 0)
    for key in "125":
        pad.press(key)
    assert pad.levels == [0, 0, None, None, 0, 0, None]
    pad.release("2")
    assert pad.levels == [0, None, None, None, 0, None, None]
    pad.release_all()
    assert pad.levels == [None] * 7


def test_two_rows_driven_against_each_other():
    pad = Keypad(KEYS)
    pad.drive(0, 1)
    pad.drive(1, 0)
    pad.press("1")
    assert pad.shorts == 0
    pad.press("4")
    assert pad.shorts == 1
    assert pad.levels[4] == 0


def test_changes_are_told():
    pad = Keypad(KEYS)
    told = []
    pad.changed = lambda ends: told.append(sorted(ends))
    pad.drive(1, 0)
    assert told == []
    pad.press("5")
    assert told == [[1, 5]]
    pad.drive(1, None)
    assert len(told) == 2
    pad.drive(1, None)
    assert len(told) == 2
    pad.drive(1, 0)
    pad.release("5")
    assert sorted(sum(told[3:], [])) == [1, 5]


def test_pressing_twice_is_pressing_once():
    pad = Keypad(KEYS)
    pad.press("5")
    pad.press("5")
    pad.release("5")
    assert pad.pressed == ""
    pad.release("5")


def test_there_is_no_other_key():
    pad = Keypad(KEYS)
    for key in ("A", "", "12"):
        assert not pad.has(key)
        refuses(ChipError, pad.press, key)


def test_a_watch_follows_its_wire():
    clock = Clock()
    lamp = Watch(clock, active=0, limit=3)
    assert lamp.levels == [1]
    lamp.drive(0, 1)
    assert not lamp.on
    for level in (0, 0, 1, 0, None):
        clock.us += 10
        lamp.drive(0, level)
    assert not lamp.on
    assert lamp.take() == [(30, False), (40, True), (50, False)]
    assert lamp.take() == []
