"""Service mode, the other extended token, and the test code: what they give and what not."""

import pytest

from firmware.load import SERVICE
from tests_host.helpers.published import ADD_1, ADD_29
from tests_host.supervision.conftest import WATCHED
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.proofs.tokens.encoder import EXTENDED, Encoder
from tools.seconds import DAY

TOKENS = Encoder(PUBLISHED_KEY, PUBLISHED_CODE)
TEST_CODE = "007123456"
TESTED = {"test_code": int(TEST_CODE)}


def extended(value, count):
    return str(TOKENS.token(value, count, EXTENDED)).rjust(12, "0")


def serve(sim, count=4):
    """Enter the service token; return the state when the unit is up again."""
    assert sim.keys(extended(1, count) + "#")["result"] == "EXTENDED"
    sim.do("run 4000")
    return sim.status()


def test_service_mode_has_the_load_off_and_says_so(launch):
    sim = launch(WATCHED)
    assert sim.keys(ADD_1 + "#")["load"]
    state = serve(sim)
    assert not state["load"] and state["active"] and state["count"] == 4
    assert state["display"].startswith("Service mode")
    assert sim.do("uart #STATUS")["uart"][0].startswith("#STATUS;ACTIVE;")
    assert not sim.keys(ADD_29 + "#")["load"]  # judged and stored like any other, but dark
    assert sim.stderr() == ""


def test_the_load_opens_before_the_restart(launch):
    """Nobody counts the paid seconds any more while the display is read."""
    sim = launch(WATCHED)
    assert sim.keys(ADD_1 + "#")["load"]
    sim.do("levels")
    assert not sim.keys(extended(1, 4) + "#")["load"]
    sim.do("run 3000")
    ((_, _, on),) = [change for change in sim.do("levels")["changes"] if change[1] == "load"]
    assert not on


def test_it_ends_by_itself_after_ten_minutes_with_the_credit_kept(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    entered = serve(sim)["t"]
    sim.do("advance 580")
    assert not sim.status()["load"]
    sim.do("advance 30")
    state = sim.status()
    assert state["load"] and state["seconds_left"] <= DAY - (state["t"] - entered)
    assert not state["display"].startswith("Service")


def test_it_ends_with_the_power(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    serve(sim)
    sim.do("power off")
    sim.do("power on")
    assert sim.status()["load"]


def test_a_second_token_begins_it_anew(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    serve(sim)
    sim.do("advance 590")
    assert not serve(sim, 6)["load"]
    sim.do("advance 590")
    assert not sim.status()["load"]
    assert sim.keys(extended(1, 6) + "#")["result"] == "ALREADY_USED"


def test_the_watchdog_does_not_bite_there(launch):
    hang = ("firmware/panel.py", '        elif key == "*":\n            self._clear()\n')
    stay = '        elif key == "*":\n            __import__("time").sleep_ms(60_000)\n'
    sim = launch(WATCHED, {hang: stay})
    serve(sim, 2)
    sim.do("keys *")
    sim.do("run 30000")
    assert "watchdog" not in sim.stderr()
    sim.do("power off")
    sim.do("power on")
    sim.do("keys *")
    sim.do("run 30000")
    assert "watchdog" in sim.stderr()  # outside of service mode it does


def test_a_flash_that_keeps_the_wish_does_not_keep_the_mode(launch):
    """A unit whose flash cannot clear the wish must not stay in service mode for ever."""
    fails = (
        "firmware/supervisor.py",
        '            self._files.write("restarts", 0, bytes((self.count,)))\n',
    )
    only = (
        "            if self.count != 255:\n                raise OSError(5)\n"
        '            self._files.write("restarts", 0, bytes((self.count,)))\n'
    )
    sim = launch(WATCHED, {fails: only})
    sim.keys(ADD_1 + "#")
    state = serve(sim)
    assert state["load"] and not state["display"].startswith("Service")


def test_the_other_values_do_nothing_but_spend_their_count(launch):
    sim = launch(WATCHED)
    for count, value in ((2, 0), (4, 3), (6, 999_999)):
        assert sim.keys(extended(value, count) + "#")["result"] == "EXTENDED"
        sim.do("run 4000")
        assert sim.status()["count"] == count
    assert not sim.status()["load"] and sim.status()["clock_faults"] == 0


def test_clock_faults_are_cleared_by_their_token_only(launch):
    sim = launch(WATCHED)
    sim.keys(ADD_1 + "#")
    sim.do("power off")
    sim.do("rtc set -7200")
    sim.do("power on")
    assert sim.status()["clock_faults"] == 1
    sim.keys(extended(3, 4) + "#")
    assert sim.status()["clock_faults"] == 1
    sim.keys(extended(2, 6) + "#")
    assert sim.status()["clock_faults"] == 0
    sim.do("power off")
    sim.do("power on")
    assert sim.status()["clock_faults"] == 0


def test_the_test_code_switches_the_load_on_for_thirty_seconds(launch):
    sim = launch(WATCHED, **TESTED)
    state = sim.keys(TEST_CODE + "#")
    assert state["load"] and state["display"].startswith("Test 30 s") and not state["active"]
    sim.do("run 29000")
    assert sim.status()["load"]
    sim.do("run 2000")
    state = sim.status()
    assert not state["load"] and state["count"] == 1 and state["locked_seconds"] == 0


def test_it_works_five_times_whatever_is_done_to_the_power(launch):
    sim = launch(WATCHED, **TESTED)
    for time in range(5):
        assert sim.keys(TEST_CODE + "#")["load"], time
        sim.do("power off")
        sim.do("power on")
        assert not sim.status()["load"]
    state = sim.keys(TEST_CODE + "#")
    assert not state["load"] and state["result"] == "INVALID"


@pytest.mark.parametrize("token", [ADD_1, extended(7, 2)], ids=["add", "extended"])
def test_it_is_over_with_the_first_valid_token(launch, token):
    sim = launch(WATCHED, **TESTED)
    sim.keys(token + "#")
    assert sim.keys(TEST_CODE + "#")["result"] == "INVALID"


def test_wrong_tokens_do_not_end_it_but_the_lockout_holds_for_it_too(launch):
    sim = launch(WATCHED, **TESTED)
    for wrong in ("111111111", "222222222"):
        sim.keys(wrong + "#")
    assert sim.keys(TEST_CODE + "#")["load"]
    sim.do("run 31000")
    assert sim.keys("333333333#")["locked_seconds"] == 120  # a test forgives nothing
    state = sim.keys(TEST_CODE + "#")
    assert state["result"] == "LOCKED" and not state["load"]


def test_a_token_during_the_test_leaves_the_load_on(launch):
    sim = launch(WATCHED, **TESTED)
    sim.keys(TEST_CODE + "#")
    assert sim.keys(ADD_1 + "#")["load"]
    sim.do("run 40000")
    assert sim.status()["load"] and sim.status()["seconds_left"] <= DAY - 40


def test_a_token_that_gives_nothing_ends_the_test(launch):
    sim = launch(WATCHED, **TESTED)
    sim.keys(TEST_CODE + "#")
    state = sim.keys(TOKENS.token(0, 3) + "#")
    assert state["result"] == "SET_TIME" and not state["load"]


def test_without_a_test_code_no_digits_are_one(launch):
    sim = launch(WATCHED)
    assert sim.keys(TEST_CODE + "#")["result"] == "INVALID"
    sim.do("uart #TOKEN;000000000")
    assert sim.do("run 3000")["uart"] == ["#TOKEN;INVALID"]


def test_the_console_takes_it_too(launch):
    sim = launch(WATCHED, **TESTED)
    assert sim.do(f"uart #TOKEN;{TEST_CODE}")["uart"] == ["#TOKEN;VALID;0"]
    assert sim.status()["load"]
    assert sim.do("uart #STATUS")["uart"] == ["#STATUS;INACTIVE"]


def test_the_bit_is_none_of_the_faults():
    from firmware import load

    others = (load.LOW_BATTERY, load.HIGH_BATTERY, load.OVER_CURRENT, load.SENSOR, load.BYPASS)
    assert all(SERVICE & other == 0 for other in others)
