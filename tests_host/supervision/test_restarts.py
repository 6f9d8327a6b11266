"""A task fails, hangs, or all hangs: the load is safe, the unit comes back, and says so."""

import pytest

from firmware import events
from tests_host.helpers.published import ADD_1, ADD_29, STARTING_CODE
from tests_host.supervision.conftest import MEASURED, TOLD, UNIT, WATCHED, told
from tools.seconds import DAY

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
HUNG = 9  # seconds that a start is charged after a restart, beside the bound of the newest record
FIRST = 10  # bound of the first record of a start
# An account's task that fails five seconds after each start, and minimal mode that fails at once.
FAILS = {
    ("firmware/app.py", "            unit.tick()\n"): (
        "            unit.tick()\n"
        "            if ticks_ms() > 5_000:\n"
        "                raise KeyError\n"
    )
}
MINIMAL_FAILS = {
    ("firmware/supervisor.py", "        if unit.log.pending:\n"): "        raise OSError\n"
    "        if unit.log.pending:\n"
}
# The console says what is written.
WRITES = {
    ("firmware/media.py", "def _write_file(path, data):\n"): (
        'def _write_file(path, data):\n    print("wrote", path)\n'
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


def credited(sim):
    """Give a unit a day of credit; return the unit."""
    sim.keys(ADD_1 + "#")
    return sim


def strike(sim, key):
    """Press a key for 30 ms, without waiting for the firmware to take it."""
    sim.do(f"press {key}")
    sim.do("run 30")
    sim.do(f"release {key}")


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
    sim = credited(launch(WATCHED, RAISES))
    sim.do("levels")
    sim.do("keys *")
    sim.do("run 2000")
    changes = [(at, on) for at, name, on in sim.do("levels")["changes"] if name == "load"]
    assert [on for _, on in changes] == [False, True]
    assert changes[1][0] - changes[0][0] < 500


def test_three_restarts_in_a_row_are_minimal_mode(launch):
    sim = credited(launch(WATCHED, RAISES))
    for _ in range(3):
        sim.do("run 1000")
        assert "Service" not in sim.status()["display"]
        sim.do("keys *")
    sim.do("run 1000")
    status = sim.status()
    assert status["display"] == "Service needed\nTry in 10 min"
    used = DAY - status["seconds_left"]
    assert status["load"] and used <= 40 + 2 * FIRST + 3 * HUNG + 5  # of records and restarts
    assert (events.RESTART, 33) in log(sim)
    assert sim.keys("*" + ADD_29 + "#")["result"] is None  # no keypad there
    sim.do("advance 300")
    assert sim.status()["load"] and "Service" in sim.status()["display"]
    sim.do("advance 310")
    assert sim.status()["display"] == "1 day left\n"
    assert sim.keys(ADD_29 + "#")["result"] == "ADD_TIME"


def test_minimal_mode_counts_the_credit_down_and_opens_the_load(launch):
    sim = credited(launch("", RAISES))
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


def test_minimal_mode_opens_the_load_by_the_bound_when_nothing_is_stored(launch):
    sim = credited(launch(WATCHED, RAISES))
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    assert sim.do("advance 60")["load"]
    sim.do("flash refuse")
    assert not sim.do("advance 61")["load"]
    assert sim.status()["seconds_left"] > DAY - 300
    sim.do("flash take")
    assert sim.do("advance 12")["load"] and "Service" in sim.status()["display"]


def test_minimal_mode_still_protects_the_battery(launch):
    sim = credited(launch(MEASURED + WATCHED, RAISES))
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    assert sim.status()["load"] and "Service" in sim.status()["display"]
    sim.do("supply battery 11000")
    assert not sim.do("advance 20")["load"]


@pytest.fixture
def hopeless(launch):
    """A unit with credit whose minimal mode has just failed, too: it says nothing any more."""
    sim = credited(launch(WATCHED, FAILS | MINIMAL_FAILS | WRITES))
    assert sim.do("run 16000")["load"]  # its third life
    assert "error" in sim.do("run 4000")
    sim.do("levels")
    return sim


def test_when_minimal_mode_fails_too_the_load_stays_open_and_nothing_is_written(hopeless):
    hopeless.do("advance 560")
    assert hopeless.do("levels")["changes"] == []
    files = [line.partition(" ")[2] for line in hopeless.do("power off")["uart"]]
    third = ["state/events.0"]
    minimal = ["state/restarts.0", "state/beat.0"]
    assert files == [*third, *minimal, "state/restarts.0"]


def test_after_ten_minutes_all_is_tried_anew(hopeless):
    hopeless.do("advance 603")
    assert hopeless.status()["display"] == "1 day left\n"
    assert log(hopeless).count((events.RESTART, 31)) == 2


def test_power_off_and_on_tries_at_once_what_is_hopeless(hopeless):
    hopeless.do("power off")
    assert hopeless.do("power on")["display"] == "1 day left\n"


def test_an_hour_of_it_costs_an_hour_and_a_fifth_at_most(launch):
    """The clock counts its minutes like those without power; each start is charged besides."""
    sim = credited(launch(WATCHED, FAILS | MINIMAL_FAILS))
    sim.do("levels")
    sim.do("advance 3600")
    sim.do("power off")
    on = load_seconds(sim.do("levels"))
    used = DAY - sim.do("power on")["seconds_left"]
    assert 0 < on < 120 and 3600 <= used <= 4320


def load_seconds(levels, on=True):
    """For how long the load was on, by what `levels` said; on: it was so when that began."""
    total, since = 0, 0 if on else None
    end = [(levels["ms"], "load", False)] * levels["on"]["load"]
    for at, name, closed in [*levels["changes"], *end]:
        if name == "load" and closed:
            since = at
        elif name == "load" and since is not None:
            total, since = total + at - since, None
    return total / 1000


@pytest.mark.parametrize("late", range(0, 6_001, 1_000))
def test_a_hang_with_the_load_on_is_charged_in_full(launch, late):
    """Until the watchdog bites nothing opens the load, and nothing is stored.

    A held key has delayed the record; the hang comes `late` ms after it was due.
    """
    sim = launch(WATCHED, HANGS | TOLD)
    sim.do("levels")
    sim.keys(ADD_1 + "#")
    sim.do("advance 120")
    while not told(sim.do("run 10"), "stored"):
        pass
    for line in ("run 48900", "press 5", f"run {100 + late}", "press *", "run 8500"):
        sim.do(line)
    state = sim.do("run 2000")
    assert "watchdog" in sim.stderr() and state["load"]
    on = load_seconds(sim.do("levels"), False)
    assert on <= DAY - state["seconds_left"] <= on + 60 + HUNG


def test_switching_off_and_on_ends_minimal_mode(launch):
    sim = credited(launch(WATCHED, RAISES))
    for _ in range(3):
        sim.do("keys *")
        sim.do("run 1000")
    sim.do("power off")
    assert sim.do("power on")["display"] == "1 day left\n"


def test_restarts_that_are_ten_minutes_apart_are_never_many(launch):
    sim = credited(launch(WATCHED, RAISES))
    for _ in range(5):
        sim.do("keys *")
        sim.do("advance 610")
        assert sim.status()["display"] == "1 day left\n"


def test_a_blank_unit_keeps_its_keypad_however_often_it_restarts(launch):
    sim = launch(WATCHED, RAISES, key=None)
    for _ in range(7):
        sim.do("keys *")
        assert sim.do("run 1000")["display"] == "No setup\n"
    assert sim.keys("5")["display"] == "Token\n5"


def test_a_task_that_sticks_is_found_and_named(launch):
    sim = credited(launch(WATCHED, STICKS))
    sim.do("keys 1234567890123")  # one digit too many
    sim.do("advance 10")
    assert sim.status()["load"] and sim.status()["display"] == "1 day left\n"
    assert log(sim)[1:] == [(events.TASK_STUCK, SIGNALS * 1000), (events.RESTART, 31)]


def test_the_watchdog_bites_when_everything_hangs(launch):
    sim = credited(launch(WATCHED, HANGS))
    strike(sim, "*")
    sim.do("run 8000")
    sim.do("run 1500")
    assert sim.status()["load"] and sim.status()["display"] == "1 day left\n"
    assert log(sim)[1:] == [(events.RESTART, 31)]
    assert "watchdog" in sim.stderr()


@pytest.mark.parametrize("chip", [None, "esp32"])
def test_the_load_is_off_at_the_start_after_a_watchdog(launch, chip):
    """An ESP32 keeps the level of the load pin until boot.py."""
    sim = credited(launch(WATCHED, HANGS, chip=chip))
    sim.do("levels")
    strike(sim, "*")
    sim.do("run 8000")
    sim.do("run 1500")
    changes = [on for _, name, on in sim.do("levels")["changes"] if name == "load"]
    assert changes == [False, True] and "watchdog" in sim.stderr()


def test_the_watchdog_is_armed_when_a_blank_unit_gets_its_identity(launch):
    sim = credited(launch(WATCHED, HANGS, again=False))
    sim.do("advance 600")
    assert "watchdog" not in sim.stderr(), "it is fed"
    strike(sim, "*")
    sim.do("run 9500")
    assert "watchdog" in sim.stderr() and log(sim)[-1] == (events.RESTART, 31)


def test_a_unit_set_up_over_the_console_is_not_bitten_for_what_slept_before(launch):
    sim = launch(WATCHED, key=None)
    sim.do("advance 100")
    (answer,) = sim.do(f"uart #SETUP;{UNIT['serial']};{STARTING_CODE:09};{UNIT['key']}")["uart"]
    assert answer.startswith("#SETUP;OK")
    sim.do("advance 300")
    assert "watchdog" not in sim.stderr() and sim.do("uart #COUNTERS")["uart"][0].endswith(";0")


# `*` ends the interpreter of a blank unit, as Ctrl-D at the prompt does; else it raises.
SOFT = {
    KEY: (
        '        elif key == "*":\n'
        "            raise ValueError if self._unit.identity else SystemExit\n"
    )
}


@pytest.mark.parametrize("chip", [None, "esp32"])
def test_soft_resets_of_a_blank_unit_are_no_restarts(launch, chip):
    sim = launch("", SOFT, key=None, chip=chip)
    for _ in range(5):
        sim.do("keys *")
        assert sim.do("run 1000")["display"] == "No setup\n"
    sim.do(f"uart #SETUP;{UNIT['serial']};{STARTING_CODE:09};{UNIT['key']}")
    sim.do("keys *")
    sim.do("run 1000")
    assert sim.status()["display"] == "Locked\nEnter a token"
    restart = 21 if chip else 31
    assert [event for event, _ in log(sim)] == [
        events.PROVISIONED,
        events.TASK_FAILED,
        events.RESTART,
    ]
    assert log(sim)[-1] == (events.RESTART, restart)


def test_a_flood_on_the_serial_line_of_an_esp32_costs_lines_and_no_restart(launch):
    sim = launch("", chip="esp32")
    line = f"#TOKEN;{ADD_1};" + "x" * 300
    for text in (line, "#COUNTERS;" * 40):
        assert len(sim.do(f"uart {text}")["uart"]) <= 1
    sim.do("uart ")
    (answer,) = sim.do("uart #COUNTERS")["uart"]
    assert answer.endswith(";0") and "watchdog" not in sim.stderr()


WRITE = "                self._i2c.writeto_mem(self._address, at, part, addrsize=16)\n"
JAMS = {
    ("firmware/media.py", WRITE): (
        "                from machine import _i2c\n\n"
        "                _i2c._BUSES[0].stuck = True\n" + WRITE
    )
}


def test_a_bus_that_jams_in_a_page_of_the_eeprom_costs_seconds_and_no_restart(launch):
    sim = launch("", JAMS, chip="esp32")
    for token in (ADD_1, ADD_29):
        sim.do("bus scl alive")
        sim.do("advance 10")
        sim.keys(token + "#")
        assert sim.do("advance 10")["load"]
        sim.do("levels")
        assert sim.do("advance 300")["load"] and sim.do("levels")["changes"] == []
    assert "watchdog" not in sim.stderr()
    assert {event for event, _ in log(sim)} == {events.PROVISIONED, events.CLOCK_FAULT}


def test_no_watchdog_without_an_identity_or_where_the_board_has_none(launch):
    for board, options in ((WATCHED, {"key": None}), ("", {})):
        sim = launch(board, HANGS, **options)
        sim.do("press *")
        sim.do("run 20000")
        sim.do("release *")
        assert "watchdog" not in sim.stderr()


def test_a_healthy_unit_is_never_bitten(launch):
    sim = credited(launch(WATCHED))
    for token in ("111111111", "222222222", "333333333"):
        sim.keys(token + "#")
    sim.do("advance 7200")
    sim.do("press 5")  # held for a minute, then stuck
    sim.do("advance 60")
    sim.do("release 5")
    sim.do("advance 7200")
    sim.do_all([f"uart #TOKEN;{ADD_1}"] * 40)  # the console answers each after three seconds
    sim.do("advance 120")
    assert log(sim) == [(events.PROVISIONED, 0), (events.STUCK_KEY, ord("5"))]


@pytest.mark.parametrize(
    "file, good, bad",
    [
        ("firmware/load.py", "namedtuple(", "nomedtuple("),
        ("board/sim.py", 'I2C = {"id": 0', 'I2C = {"id": 7'),
    ],
)
def test_firmware_that_cannot_even_start_ends_in_resets_not_in_a_prompt(launch, file, good, bad):
    sim = launch(WATCHED, {(file, good): bad}, again=False)
    assert "without staying up a second" in sim.do("status")["error"]
    assert sim.stderr().count("the board is reset") == 6
    assert "main.py ended" not in sim.stderr()


@pytest.mark.parametrize("line", ["        unit.start(0", "        from firmware.app import App"])
def test_a_start_that_fails_again_and_again_rests_and_hardly_wears_the_flash(launch, line):
    fault = {
        ("main.py", line): f"        if store.identity():\n            raise KeyError\n{line}"
    }
    sim = launch(WATCHED, fault | WRITES)
    sim.do("advance 3600")
    levels = sim.do("levels")
    assert levels["changes"] == [] and not levels["on"]["load"]
    said = sim.do("power off")["uart"]
    assert 25 <= said.count("wrote state/restarts.0") <= 35  # five times in ten minutes
    assert 15 <= said.count("wrote state/events.0") <= 21  # three times
    assert "main.py ended" not in sim.stderr()
