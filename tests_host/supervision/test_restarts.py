"""A task fails, hangs, or all hangs: the load is safe, the unit comes back, and says so."""

import pytest

from firmware import events
from tests_host.supervision.conftest import MEASURED, WATCHED

ADD_1, ADD_29 = "662486790", "927706818"  # the published scenario's first two tokens
DAY = 86_400
KEYPAD, SIGNALS = 5, 4  # tasks in the order of firmware.app
# What a test plants: `*` raises, or hangs the lamps' task, or everything.
KEY = ("firmware/panel.py", '        elif key == "*":\n            self._clear()\n')
RAISES = {KEY: '        elif key == "*":\n            raise ValueError("secret 662486790")\n'}
HANGS = {
    KEY: (
        '        elif key == "*":\n'
        "            from time import sleep_ms\n\n"
        "            while True:\n"
        "                sleep_ms(10)\n"
    )
}
STICKS = {
    ("firmware/signals.py", "                if self._next is not None:\n"): (
        "                if step[3] == 200:  # a pattern that refuses\n"
        "                    from asyncio import sleep_ms\n\n"
        "                    await sleep_ms(1 << 28)\n"
        "                if self._next is not None:\n"
    )
}


def log(sim):
    """The event log as (event, number)."""
    return [tuple(entry[1:]) for entry in sim.do("events")["events"]]


def line_of(sim_text, root):
    """Number of the line of panel.py that holds a text."""
    lines = (root / "firmware" / "panel.py").read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if sim_text in line)


def test_a_task_that_raises(launch, tmp_path):
    sim = launch(WATCHED, RAISES)
    assert sim.keys(ADD_1 + "#")["load"]
    sim.do("keys *")
    sim.do("run 1000")
    status = sim.status()
    assert status["load"] and status["count"] == 2 and status["display"] == "1 day left\n"
    line = line_of("secret", tmp_path / "0")
    assert log(sim) == [
        (events.PROVISIONED, 0),
        (events.TASK_FAILED, KEYPAD * 1000 + line),
        (events.RESTART, 31),
    ]
    assert sim.keys(ADD_29 + "#")["result"] == "ADD_TIME"


def test_the_load_is_off_from_the_failure_to_the_restart(launch):
    sim = launch(WATCHED, RAISES)
    sim.keys(ADD_1 + "#")
    sim.do("levels")
    sim.do("keys *")
    sim.do("run 2000")
    changes = [(at, on) for at, name, on in sim.do("levels")["changes"] if name == "load"]
    assert [on for _, on in changes] == [False, True]
    assert changes[1][0] - changes[0][0] < 500


def test_three_restarts_in_a_row_are_minimal_mode(launch):
    sim = launch(WATCHED, RAISES)
    sim.keys(ADD_1 + "#")
    for _ in range(3):
        sim.do("run 1000")
        assert "Service" not in sim.status()["display"]
        sim.do("keys *")
    sim.do("run 1000")
    status = sim.status()
    assert status["display"] == "Service needed\nTry in 10 min"
    assert status["load"] and status["seconds_left"] > DAY - 10
    assert (events.RESTART, 33) in log(sim)
    assert sim.keys("*" + ADD_29 + "#")["result"] is None  # no keypad there
    sim.do("advance 300")
    assert sim.status()["load"] and "Service" in sim.status()["display"]
    sim.do("advance 310")
    assert sim.status()["display"] == "1 day left\n"
    assert sim.keys(ADD_29 + "#")["result"] == "ADD_TIME"


def test_minimal_mode_counts_the_credit_down_and_opens_the_load(launch):
    sim = launch("", RAISES)
    sim.keys(ADD_1 + "#")
    sim.do(f"advance {DAY - 120}")
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    left = sim.status()["seconds_left"]
    assert "Service" in sim.status()["display"] and 0 < left < 120
    assert sim.do(f"advance {left - 3}")["load"]  # it blocks: the simulator is a second late
    assert not sim.do("advance 4")["load"]


def test_minimal_mode_without_credit_has_no_load(launch):
    sim = launch(WATCHED, RAISES)
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    assert "Service" in sim.status()["display"] and not sim.status()["load"]
    assert not sim.do("advance 100")["load"]


def test_minimal_mode_still_protects_the_battery(launch):
    sim = launch(MEASURED + WATCHED, RAISES)
    sim.keys(ADD_1 + "#")
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    assert sim.status()["load"] and "Service" in sim.status()["display"]
    sim.do("supply battery 11000")
    assert not sim.do("advance 20")["load"]


def test_minimal_mode_that_fails_too_keeps_the_load_off_while_it_waits(launch):
    end = ("firmware/supervisor.py", "            feed()\n        sleep_ms(")
    sim = launch(WATCHED, RAISES | {end: "            raise OSError\n        sleep_ms("})
    sim.keys(ADD_1 + "#")
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    sim.do("levels")
    sim.do("advance 60")
    levels = sim.do("levels")
    changes = [at for at, name, _ in levels["changes"] if name == "load"]
    on = sum(off - on for on, off in zip(changes[0::2], changes[1::2]))
    assert len(changes) < 30 and on < 6_000  # until the failure, each time


def test_switching_off_and_on_ends_minimal_mode(launch):
    sim = launch(WATCHED, RAISES)
    sim.keys(ADD_1 + "#")
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    sim.do("power off")
    assert sim.do("power on")["display"] == "1 day left\n"


def test_restarts_that_are_ten_minutes_apart_are_never_many(launch):
    sim = launch(WATCHED, RAISES)
    sim.keys(ADD_1 + "#")
    for _ in range(5):
        sim.do("keys *")
        sim.do("advance 610")
        assert sim.status()["display"] == "1 day left\n"


def test_a_blank_unit_keeps_its_keypad_however_often_it_restarts(launch):
    sim = launch(WATCHED, RAISES, key=None)
    for _ in range(4):
        sim.do("keys *")
        sim.do("run 1000")
    assert sim.do("run 6000")["display"] == "No setup\n"
    assert sim.keys("5")["display"] == "Token\n5"


def test_a_task_that_sticks_is_found_and_named(launch):
    sim = launch(WATCHED, STICKS)
    sim.keys(ADD_1 + "#")
    sim.do("keys 1234567890123")  # one digit too many
    sim.do("advance 10")
    assert sim.status()["load"] and sim.status()["display"] == "1 day left\n"
    assert log(sim)[1:] == [(events.TASK_STUCK, SIGNALS * 1000), (events.RESTART, 31)]


def test_the_watchdog_bites_when_everything_hangs(launch):
    sim = launch(WATCHED, HANGS)
    sim.keys(ADD_1 + "#")
    sim.do("press *")
    sim.do("run 30")
    sim.do("release *")
    sim.do("run 8000")
    sim.do("run 1500")
    assert sim.status()["load"] and sim.status()["display"] == "1 day left\n"
    assert log(sim)[1:] == [(events.RESTART, 31)]
    assert "watchdog" in sim.stderr()


def test_no_watchdog_without_an_identity_or_where_the_board_has_none(launch):
    for board, options in ((WATCHED, {"key": None}), ("", {})):
        sim = launch(board, HANGS, **options)
        sim.do("press *")
        sim.do("run 20000")
        sim.do("release *")
        assert "watchdog" not in sim.stderr()


def test_a_healthy_unit_is_never_bitten(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    for token in ("111111111", "222222222", "333333333"):
        sim.keys(token + "#")
    sim.do("advance 7200")
    sim.do("press 5")  # held for a minute, then stuck
    sim.do("advance 60")
    sim.do("release 5")
    sim.do("advance 7200")
    assert log(sim) == [(events.PROVISIONED, 0), (events.STUCK_KEY, ord("5"))]


@pytest.mark.parametrize(
    "file, good, bad",
    [
        ("firmware/load.py", "namedtuple(", "nomedtuple("),
        ("main.py", "import App", "import Happ"),
        ("board/sim.py", 'I2C = {"id": 0', 'I2C = {"id": 7'),
    ],
)
def test_firmware_that_cannot_even_start_ends_in_resets_not_in_a_prompt(launch, file, good, bad):
    sim = launch(WATCHED, {(file, good): bad}, again=False)
    assert "without staying up a second" in sim.do("status")["error"]
    assert sim.stderr().count("the board is reset") == 6
    assert "main.py ended" not in sim.stderr()


def test_a_start_that_fails_again_and_again_slows_down_and_wears_nothing(launch):
    sim = launch(WATCHED, {("main.py", "unit.start(decided)"): "raise KeyError"}, again=False)
    assert not sim.do("advance 60")["load"]
    before = sim.do("flash report")["erases"]
    assert not sim.do("advance 3600")["load"]
    assert sim.do("flash report")["erases"] == before
    assert len(log(sim)) == 5  # three failures, two restarts that were written with them
