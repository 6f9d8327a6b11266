"""The protocol's published scenario and its certification scenario, typed on the keypad."""

import pytest

from tests_host.controller.twin import Twin
from tests_host.helpers.published import KEY, STARTING_CODE
from tools.conformance.checks import PUBLISHED
from tools.conformance.rules import DISABLE, RESERVED, SYNC
from tools.identity import Identity
from tools.proofs.simulator import PAYG_SIM, Sim
from tools.seconds import DAY
from tools.tokens import make_token

JUDGED_WITHIN = 5  # seconds, asked for by the certification
GLASSES = (
    "Invalid\nEnter a token",
    "Valid\n1 day left",
    "Already used\n1 day left",
    "Valid\n30 days left",
    "Valid\n7 days left",
    "Free\n",
    "Locked\n",
)


def test_published_scenario():
    with Sim(command=PAYG_SIM, serial="P1", key=KEY, starting_code=STARTING_CODE, count=0) as sim:
        for (entry, result), glass in zip(PUBLISHED, GLASSES, strict=True):
            answer = sim.keys(entry + "#")
            assert (answer["result"], answer["display"]) == (result, glass)
            on = result in ("ADD_TIME", "ALREADY_USED", "DISABLE_PAYG") or "7 days" in glass
            assert answer["load"] is answer["active"] is on
            assert answer["payg"] is (result != "DISABLE_PAYG")


def test_published_scenario_agrees_with_the_model():
    with Twin(count=0) as twin:
        for entry, result in PUBLISHED:
            assert twin.enter(entry) == result


def test_single_day_switches_the_load_on_for_a_day():
    with Twin() as twin:
        assert not twin.answer["load"]
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        assert twin.answer["seconds_left"] == DAY and twin.answer["load"]
        twin.advance(DAY - 5)
        assert twin.answer["load"]
        twin.advance(6)
        assert not twin.answer["load"] and twin.answer["display"] == "Locked\nEnter a token"


@pytest.mark.parametrize("value", (30, 90, 365, 995))
def test_large_values(value):
    with Twin() as twin:
        assert twin.enter(twin.token(value, 2)) == "ADD_TIME"
        assert twin.answer["display"] == f"Valid\n{value} days left"
        assert twin.enter(twin.token(value, 3)) == "SET_TIME"
        assert twin.answer["seconds_left"] in (value * DAY, value * DAY - 1)


def test_21_set_time_tokens_each_30_counts_ahead():
    with Twin() as twin:
        for jump in range(1, 22):
            before = twin.answer["t"]
            count = 1 + 30 * jump
            assert twin.enter(twin.token(jump, count)) == "SET_TIME"
            assert twin.answer["count"] == count
            assert twin.answer["t"] - before <= JUDGED_WITHIN
            assert twin.answer["display"] == f"Valid\n{jump} day{'s' * (jump > 1)} left"


@pytest.mark.parametrize("count", (2, 3), ids=("even count", "odd count"))
def test_disable_and_relock(count):
    with Twin() as twin:
        assert twin.enter(twin.token(DISABLE, count)) == "DISABLE_PAYG"
        assert twin.answer["display"] == "Free\n" and twin.answer["seconds_left"] is None
        twin.advance(3 * DAY)
        assert twin.answer["load"], "free for good"
        assert twin.enter(twin.token(5, 4)) == "ADD_TIME"
        assert twin.answer["payg"] is False, "added time does not relock"
        assert twin.enter(twin.token(0, 5)) == "SET_TIME"
        assert twin.answer["payg"] is True and not twin.answer["load"]
        assert twin.answer["display"] == "Locked\n"
        assert twin.enter(twin.token(DISABLE, 7)) == "DISABLE_PAYG"
        assert twin.enter(twin.token(2, 9)) == "SET_TIME"
        assert twin.answer["display"] == "Valid\n2 days left"


def test_late_entry_after_48_hours_without_credit():
    with Twin() as twin:
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME"
        twin.advance(3 * DAY)
        assert not twin.answer["load"]
        assert twin.enter(twin.token(1, 4)) == "ADD_TIME"
        assert twin.answer["seconds_left"] == DAY, "a debt is not kept"


def test_unordered_entry():
    with Twin() as twin:
        assert twin.enter(twin.token(8, 8)) == "ADD_TIME"
        for count in (4, 6, 2):
            assert twin.enter(twin.token(count, count)) == "ADD_TIME"
            assert twin.answer["count"] == 8
        assert twin.answer["display"] == "Valid\n20 days left"
        for count in (2, 4, 6, 8):
            assert twin.enter(twin.token(count, count)) == "ALREADY_USED"
        assert twin.answer["display"] == "Already used\n20 days left"


@pytest.mark.parametrize("value", (3, DISABLE, SYNC), ids=("set", "disable", "sync"))
def test_older_tokens_are_used_after_a_final_one(value):
    with Twin() as twin:
        assert twin.enter(twin.token(value, 11)) != "INVALID"
        for count in (10, 8, 2):
            assert twin.enter(twin.token(7, count)) == "ALREADY_USED"
        assert twin.answer["locked_seconds"] == 0
        assert twin.enter(twin.token(7, 12)) == "ADD_TIME"


def test_older_tokens_beyond_the_window_are_used_not_wrong():
    with Twin() as twin:
        assert twin.enter(twin.token(1, 40)) == "ADD_TIME"
        assert twin.enter(twin.token(1, 24)) == "ALREADY_USED"
        assert twin.enter(twin.token(1, 26)) == "ADD_TIME"
        for _ in range(4):
            assert twin.enter(twin.token(1, 24)) == "ALREADY_USED"
        assert twin.answer["locked_seconds"] == 0


def test_windows_ahead():
    with Twin() as twin:
        assert twin.enter(twin.token(1, 66)) == "INVALID"
        assert twin.enter(twin.token(1, 65)) == "SET_TIME"
        assert twin.enter(twin.token(SYNC, 166)) == "INVALID"
        assert twin.enter(twin.token(SYNC, 165)) == "COUNTER_SYNC"
        assert twin.enter(twin.token(1, 230)) == "INVALID"
        assert twin.enter(twin.token(1, 228)) == "ADD_TIME"


@pytest.mark.parametrize("back, outcome", ((63, "COUNTER_SYNC"), (64, "ALREADY_USED")))
def test_window_back_of_a_counter_sync(back, outcome):
    with Twin() as twin:
        assert twin.enter(twin.token(SYNC, 101)) == "COUNTER_SYNC"
        assert twin.enter(twin.token(SYNC, 101 - back)) == outcome
        assert twin.answer["count"] == (101 - back if outcome == "COUNTER_SYNC" else 101)


def test_counter_sync_backwards_credits_nothing_again():
    with Twin() as twin:
        for count in range(2, 42, 2):
            assert twin.enter(twin.token(1, count)) == "ADD_TIME"
        sync = twin.token(SYNC, 3)
        assert twin.enter(sync) == "COUNTER_SYNC"
        assert twin.answer["count"] == 3
        for count in (*range(2, 42, 2), 2):
            assert twin.enter(twin.token(1, count)) == "ALREADY_USED"
        assert twin.enter(sync) == "ALREADY_USED"
        assert twin.enter(twin.token(2, 4)) == "ADD_TIME", "the server begins again at 4"


@pytest.mark.parametrize("value", RESERVED)
def test_reserved_values_spend_their_count_only(value):
    with Twin() as twin:
        assert twin.enter(twin.token(value, 4)) == "RESERVED"
        assert twin.answer["display"] == "Valid\n" and twin.answer["count"] == 4
        assert not twin.answer["load"]
        assert twin.enter(twin.token(value, 4)) == "ALREADY_USED"
        assert twin.enter(twin.token(1, 2)) == "ADD_TIME", "older ones stay enterable"


@pytest.mark.parametrize("restricted", (False, True), ids=("12 digits", "20 digits"))
@pytest.mark.parametrize("value", (0, 3, 999, 998, 123456, 999999))
def test_extended_tokens(value, restricted):
    """Values 1 and 2 mean something to the unit: tests_host/supervision/test_service.py."""
    with Twin(restricted=restricted) as twin:
        assert twin.enter(twin.token(value, 8, True)) == "EXTENDED"
        assert twin.answer["display"] == "Valid\n" and twin.answer["count"] == 8
        assert twin.answer["payg"] and not twin.answer["load"]
        assert twin.enter(twin.token(value, 8, True)) == "ALREADY_USED"
        assert twin.enter(twin.token(value, 7, True)) == "ALREADY_USED"
        assert twin.enter(twin.token(1, 6)) == "ADD_TIME"


def test_restricted_digit_set():
    with Twin(restricted=True) as twin:
        token = twin.token(30, 2)
        assert len(token) == 15 and set(token) <= set("1234")
        assert twin.enter(token) == "ADD_TIME"
        assert twin.answer["display"] == "Valid\n30 days left"
        assert twin.enter(token) == "ALREADY_USED"
        assert twin.enter("4" * 15) == "MALFORMED", "decodes above 999,999,999"
        assert twin.enter("4" * 20) == "MALFORMED"
        assert twin.enter("5" + token[1:]) == "MALFORMED"
        assert twin.enter("123456789") == "MALFORMED"
        assert twin.answer["display"] == "Check the digits\n15 or 20"


def test_leading_zeros_are_digits():
    with Twin() as twin:
        count, token = next(
            (count, token)
            for count in range(2, 66, 2)
            for value in range(996)
            if (token := twin.token(value, count)).startswith("00")
        )
        assert twin.enter(token.lstrip("0")) == "MALFORMED"
        assert twin.enter("000" + token) == "INVALID", "12 digits are an extended token"
        assert twin.enter(token) == "ADD_TIME"
        assert twin.answer["count"] == count


@pytest.mark.parametrize("divider", (1, 2, 24, 255))
def test_time_divider(divider):
    with Twin(time_divider=divider) as twin:
        for count, value in ((2, 1), (4, 100), (6, 995)):
            assert twin.enter(twin.token(value, count)) == "ADD_TIME"
        assert abs(twin.answer["seconds_left"] - 1096 * DAY // divider) <= 4


@pytest.mark.parametrize("restricted", (False, True), ids=("digits 0-9", "digits 1-4"))
@pytest.mark.parametrize("starting_code", (123456789, 0, None))
def test_tokens_of_the_protocols_own_encoder(starting_code, restricted):
    """`openpaygo` makes them, as `payg token` does; the unit and the model agree on each."""
    unit = Identity("T1", bytes.fromhex(KEY), starting_code, restricted=restricted)
    kinds = (
        ("add", 1, "ADD_TIME"),
        ("set", 995, "SET_TIME"),
        ("extended", 123456, "EXTENDED"),
        ("disable", None, "DISABLE_PAYG"),
        ("add", 0, "ADD_TIME"),
        ("sync", None, "COUNTER_SYNC"),
        ("set", 0, "SET_TIME"),
    )
    with Twin(starting_code=starting_code, restricted=restricted) as twin:
        for kind, value, outcome in kinds:
            count, digits = make_token(unit, kind, value)
            assert twin.enter(digits) == outcome
            assert twin.answer["count"] == count
            unit = unit._replace(count=count)


@pytest.mark.parametrize("entry", ("123456789", "123456790", "123456787"))
def test_the_starting_code_is_no_token(entry):
    """Nor with other last digits, on a young unit."""
    with Twin(count=0) as twin:
        assert twin.enter(entry) == "INVALID"
        assert twin.answer["payg"] and not twin.answer["load"]


def test_a_unit_provisioned_at_a_count_takes_no_older_token():
    with Twin(count=100) as twin:
        for value, count in ((1, 98), (1, 100), (SYNC, 99), (DISABLE, 99)):
            assert twin.enter(twin.token(value, count)) == "ALREADY_USED"
        assert twin.enter(twin.token(1, 102)) == "ADD_TIME"
