"""The load follows the credit; a power cut changes nothing but what the time off costs."""

import pytest

from firmware import events
from tests_host.controller.twin import Twin
from tests_host.helpers.published import KEY, STARTING_CODE
from tools.proofs.simulator import Sim
from tools.seconds import DAY

OPTIONS = {"serial": "K1", "key": KEY, "starting_code": STARTING_CODE, "count": 1}
KEPT = ("payg", "active", "seconds_left", "count", "locked_seconds", "clock_faults", "provisioned")


def load_ms(sim, commands):
    """Run commands; return how long the load was on meanwhile, in milliseconds."""
    total, on_since, now = 0, 0 if sim.do("levels")["on"]["load"] else None, 0
    for line in commands:
        assert "error" not in sim.do(line)
        levels = sim.do("levels")
        for at, name, on in levels["changes"]:
            if name != "load":
                continue
            if on:
                on_since = now + at
            elif on_since is not None:
                total += now + at - on_since
                on_since = None
        now += levels["ms"]
    return total + (now - on_since if on_since is not None else 0)


@pytest.mark.parametrize("divider, value", ((255, 1), (255, 2), (24, 1), (1, 1)))
def test_the_load_goes_off_when_the_paid_time_ends(divider, value):
    with Twin(time_divider=divider) as twin:
        seconds = value * DAY // divider
        token = twin.token(value, 2)
        on = load_ms(twin.sim, [f"keys {token}#", f"advance {seconds - 5}", "advance 100"])
        assert seconds * 1000 - 3 <= on <= seconds * 1000, "three readings in whole milliseconds"
        answer = twin.sim.status()
        assert answer["load"] is answer["active"] is False and answer["seconds_left"] == 0


def test_added_time_follows_without_a_gap():
    with Twin(time_divider=255) as twin:
        tokens = [twin.token(1, 2), twin.token(2, 4), twin.token(1, 7)]
        commands = [f"keys {tokens[0]}#", "advance 300", f"keys {tokens[1]}#", "advance 500"]
        commands += [f"keys {tokens[2]}#", "advance 1000"]
        on = load_ms(twin.sim, commands)
        # The third sets the time anew, 800 s and 20 keys after the first.
        assert 800_000 + 338_000 < on <= 800_000 + 20 * 300 + 338_000 + 1000


def test_the_load_follows_at_once_when_a_token_takes_the_time_away():
    with Twin() as twin:
        assert twin.enter(twin.token(5, 2)) == "ADD_TIME" and twin.answer["load"]
        assert twin.enter(twin.token(0, 3)) == "SET_TIME" and not twin.answer["load"]


def test_days_in_one_step_and_in_many():
    with Twin() as one, Twin() as many:
        for twin in (one, many):
            assert twin.enter(twin.token(30, 2)) == "ADD_TIME"
        one.advance(2 * DAY)
        for _ in range(20):
            many.advance(DAY // 10)
        assert one.answer == many.answer


@pytest.mark.parametrize("off", (0, 1, 59, 3600, 30 * DAY))
def test_power_off_and_on_keeps_everything_but_the_time_off(off):
    with Twin() as twin:
        tokens = [twin.token(20, 2), twin.token(30, 8), twin.token(1, 6)]
        for token in tokens:
            assert twin.enter(token) == "ADD_TIME"
        twin.enter("123456789")
        twin.enter("123456789")
        twin.advance(100)
        twin.power_cycle(off)
        for token in tokens:
            assert twin.enter(token) == "ALREADY_USED"
        assert twin.enter("123456789") == "INVALID"
        assert twin.answer["locked_seconds"] in (119, 120), "the mistakes were kept"


def test_the_last_result_and_free_outlive_a_power_cut():
    with Twin() as twin:
        assert twin.enter(twin.token(998, 3)) == "DISABLE_PAYG"
        twin.power_cycle(100 * DAY)
        assert twin.answer["display"] == "Free\n" and twin.answer["load"]


def test_a_week_without_power():
    """The platforms' acceptance test: 168 hours."""
    with Twin() as twin:
        assert twin.enter(twin.token(30, 2)) == "ADD_TIME"
        twin.power_cycle(168 * 3600)
        assert twin.answer["display"] == "23 days left\n"


def test_time_off_beyond_the_credit_ends_it():
    with Twin() as twin:
        assert twin.enter(twin.token(2, 2)) == "ADD_TIME"
        twin.power_cycle(2 * DAY)
        assert not twin.answer["load"] and twin.answer["seconds_left"] == 0


def test_power_commands_and_what_is_answered_without_power():
    with Sim(**OPTIONS) as sim:
        before = sim.do("advance 5")
        assert sim.do("power on") == before, "it is on"
        dark = sim.do("power off")
        assert (dark["power"], dark["load"], dark["display"], dark["t"]) == (False, False, "", 0)
        assert [dark[name] for name in KEPT] == [before[name] for name in KEPT]
        assert sim.do("power off") == dark == sim.status() == sim.do("advance 100")
        for line in ("keys 1", "keys #", "uart hello"):
            assert list(sim.do(line)) == ["error"]
        assert sim.do("power on")["power"]


def test_an_entry_begun_before_a_power_cut_is_gone():
    with Twin() as twin:
        token = twin.token(1, 2)
        twin.sim.keys(token[:5])
        twin.sim.do("power off")
        twin.sim.do("power on")
        assert twin.sim.keys(token[5:] + "#")["result"] == "MALFORMED"


# --- a supply that bounces ---------------------------------------------------------------


def test_a_supply_that_bounces_drains_no_paid_time_in_silence():
    """A lamp whose inrush resets the MCU: each start that closes the load ends at once."""
    with Twin() as twin:
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        twin.advance(100)
        for _ in range(4):
            twin.power_cycle(0)
        assert twin.model.patient and not twin.answer["load"], "the fourth waits"
        left = twin.answer["seconds_left"]
        for _ in range(30):
            twin.sim.do("power off")
            answer = twin.sim.do("power on")
            assert not answer["load"]
        assert left - answer["seconds_left"] <= 30, "whole seconds, no bounds"
        numbers = [event for _, event, _ in twin.sim.do("events")["events"]]
        assert events.SUPPLY in numbers


def test_a_patient_start_closes_the_load_after_its_second_record():
    with Twin() as twin:
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        for _ in range(4):
            twin.power_cycle(0)
        assert not twin.sim.do("run 6900")["load"]
        assert twin.sim.do("run 900")["load"]
        twin.catch_up()
        twin.power_cycle(0)
        assert twin.model.patient, "two records and one bound: it may still be the lamp"
        twin.advance(30)
        assert twin.answer["load"]
        twin.power_cycle(0)
        assert not twin.model.patient and twin.answer["load"]


def test_a_token_closes_the_load_of_a_patient_start_at_once():
    with Twin() as twin:
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        for _ in range(4):
            twin.power_cycle(0)
        assert not twin.answer["load"]
        assert twin.enter(twin.token(1, 4)) == "ADD_TIME"
        assert twin.answer["load"]


# --- between runs ------------------------------------------------------------------------


def test_state_outlives_the_process(tmp_path):
    state = tmp_path / "unit"
    with Twin() as twin:
        add, later = twin.token(30, 2), twin.token(1, 4)
    with Sim(state=state, **OPTIONS) as sim:
        assert sim.keys(add + "#")["result"] == "ADD_TIME"
        for _ in range(3):
            sim.keys("123456789#")
        sim.do("advance 3600")
        last, code = sim.close()
        assert code == 0
    for _ in range(2):
        with Sim(state=state, **OPTIONS) as sim:
            answer = sim.status()
            assert 0 <= last["seconds_left"] - answer["seconds_left"] <= 60, "one bound"
            assert [answer[n] for n in KEPT if n != "seconds_left"] == [
                last[n] for n in KEPT if n != "seconds_left"
            ], "the clock chip stood still in between"
            assert sim.keys(add + "#")["result"] == "ALREADY_USED"
            last, _ = sim.close()
    with Sim(state=state) as sim:
        assert sim.status()["provisioned"], "the identity is in the unit, not in the options"
        assert sim.keys(later + "#")["result"] == "ADD_TIME"


def test_a_killed_process_leaves_what_a_board_would_have(tmp_path):
    with Twin() as twin:
        add = twin.token(30, 2)
    with Sim(state=tmp_path, **OPTIONS) as sim:
        assert sim.keys(add + "#")["result"] == "ADD_TIME"
    with Sim(state=tmp_path, **OPTIONS) as sim:
        assert sim.keys(add + "#")["result"] == "ALREADY_USED"
        assert sim.status()["load"]


@pytest.mark.parametrize(
    "other",
    (
        {"serial": "K2"},
        {"key": "0" * 32},
        {"starting_code": 5},
        {"starting_code": None},
        {"count": 3},
        {"time_divider": 2},
        {"restricted": True},
    ),
    ids=lambda other: next(iter(other)),
)
def test_another_identity_is_refused(tmp_path, other):
    with Sim(state=tmp_path, **OPTIONS) as sim:
        sim.close()
    with Sim(state=tmp_path, **{**OPTIONS, **other}) as sim:
        line = sim.read_line()
        assert line.startswith('{"error": ') and KEY not in line
        assert sim.read_line() == "", "one line"
        assert sim.wait() == 2


# --- the line protocol -------------------------------------------------------------------

MALFORMED = (
    "",
    "key 1",
    "keys",
    "keys 12x",
    "keys 1 2",
    "keys E",
    "keys 1\u0663",
    "KEYS 1",
    "advance",
    "advance -1",
    "advance 1.5",
    "advance ten",
    "advance 1 2",
    "power",
    "power up",
    "cut",
    "cut -1",
    "cut x",
    "rtc",
    "rtc set",
    "rtc set x",
    "rtc set 1.5",
    "rtc gone",
    "status now",
    "provision A1",
)


def test_malformed_commands_change_nothing_and_the_run_goes_on():
    with Sim(**OPTIONS) as sim:
        before = sim.keys("123")
        for line in MALFORMED:
            answer = sim.do(line)
            assert list(answer) == ["error"] and isinstance(answer["error"], str), line
        assert sim.status() == before, "no key was pressed and no time passed"
        assert sim.close() == (before, 0)


def test_the_end_of_the_input_is_no_command():
    with Sim(**OPTIONS) as sim:
        assert sim.status() and sim.wait() == 0
        assert sim.read_line() == ""
