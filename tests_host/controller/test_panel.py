"""The front panel: what the keys do, and what glass, lamps and buzzer say."""

import pytest

from firmware import VERSION
from tests_host.controller.twin import Twin
from tests_host.helpers.published import ADD_1, KEY, STARTING_CODE
from tools.proofs.simulator import Sim
from tools.seconds import DAY

KEY_MS = 300
PAGES = ("Locked\nEnter a token", "Unit ID\nT1", "Token count\n1", f"Firmware\n{VERSION}")


@pytest.fixture
def twin():
    with Twin() as twin:
        yield twin


def glass(sim, line):
    """Run a command; return what stands on the glass."""
    return sim.do(line)["display"]


def pressed(sim, key):
    """Press a key; return {lamp: ms} of what was on because of it, within a second."""
    sim.do("levels")
    sim.keys(key)
    sim.do("run 1500")
    began, total = {}, {}
    for at, name, on in sim.do("levels")["changes"]:
        if on:
            began[name] = at
        elif name in began:
            total[name] = total.get(name, 0) + at - began.pop(name)
    return {name: ms for name, ms in total.items() if name in ("led_green", "led_red", "buzzer")}


def test_digits_appear_as_typed_zeros_too(twin):
    shown = ""
    for digit in "0012345678":
        shown += digit
        answer = twin.sim.keys(digit)
        assert answer["display"] == "Token\n" + shown and answer["result"] is None


def test_a_key_takes_at_most_300_ms(twin):
    twin.sim.do("levels")
    for keys in ("1", "123", "*", "#", "662486790#", "123456789#", "1#"):
        twin.sim.keys(keys)
        assert 0 < twin.sim.do("levels")["ms"] <= len(keys) * KEY_MS


def test_star_clears(twin):
    assert glass(twin.sim, "keys 123*") == "Locked\nEnter a token"
    assert glass(twin.sim, "keys 45") == "Token\n45"
    assert glass(twin.sim, "keys *") == "Locked\nEnter a token"
    assert twin.enter(twin.token(1, 2)) == "ADD_TIME", "nothing of it is left"


def test_who_types_on_loses_nothing(twin):
    first, second, third = (twin.token(1, count) for count in (2, 4, 6))
    answer = twin.sim.keys(f"{first}#{second}#{third[:3]}")
    assert answer["count"] == 4 and answer["result"] == "ADD_TIME"
    assert answer["display"] == "Token\n" + third[:3]
    assert twin.sim.keys(f"{third[3:]}#")["count"] == 6


def test_an_entry_left_alone_is_dropped_after_20_seconds(twin):
    token = twin.token(1, 2)
    assert glass(twin.sim, f"keys {token[:4]}") == "Token\n" + token[:4]
    assert glass(twin.sim, "advance 19") == "Token\n" + token[:4]
    assert glass(twin.sim, f"keys {token[4]}") == "Token\n" + token[:5], (
        "a key starts the time anew"
    )
    assert glass(twin.sim, "advance 19") == "Token\n" + token[:5]
    assert glass(twin.sim, "advance 1") == "Locked\nEnter a token"
    assert twin.sim.keys("#")["result"] is None, "there is no entry any more"


@pytest.mark.parametrize("restricted, longest", ((False, 12), (True, 20)))
def test_more_digits_than_the_longest_token_are_refused(restricted, longest):
    with Twin(restricted=restricted) as twin:
        digits = "4321" * (longest // 4)
        assert glass(twin.sim, f"keys {digits}") == "Token\n" + digits[-16:]
        said = pressed(twin.sim, "3")
        assert said["buzzer"] >= 100 and said["led_red"] >= 100, "refused with a sound"
        assert twin.sim.status()["display"] == "Token\n" + digits[-16:], "and not wrapped"


def test_status_pages(twin):
    for page in (*PAGES, "Last result\nnone", PAGES[0]):
        assert glass(twin.sim, "keys #") == page
    assert glass(twin.sim, "keys *") == "Locked\nEnter a token"
    assert glass(twin.sim, "keys ##") == PAGES[1]
    assert glass(twin.sim, "advance 11") == "Locked\nEnter a token", "pages do not stay"
    assert glass(twin.sim, "keys #") == PAGES[0], "and begin anew"


def test_status_pages_say_what_happened(twin):
    sim = twin.sim
    for value, count, said in ((31, 2, "Valid"), (31, 2, "Already used"), (998, 5, "Free")):
        twin.enter(twin.token(value, count))
        days = "Free\n" if said == "Free" else "31 days left\n"
        assert glass(sim, "keys *#") == days
        assert glass(sim, "keys ##") == f"Token count\n{count}"
        assert glass(sim, "keys ##") == f"Last result\n{said}"
        sim.keys("*")
    for entry, said in (("123456789", "Invalid"), ("1", "Wrong digits")):
        sim.keys(f"{entry}#")
        assert glass(sim, "keys *#####") == f"Last result\n{said}"
        sim.keys("*")


def test_status_shows_lockout_and_clock_faults(twin):
    for _ in range(3):
        twin.enter("123456789")
    assert twin.sim.keys("*#")["display"] == "Locked\nWait 2 min"
    assert glass(twin.sim, "keys #####") == "Locked\nWait 2 min", "round once"
    twin.sim.do("rtc lost")
    twin.sim.do("power off")
    answer = twin.sim.do("power on")
    assert answer["clock_faults"] == 1
    twin.sim.do("advance 200")
    assert glass(twin.sim, "keys #") == "Locked\nClock faults 1"


def test_a_long_serial_takes_two_lines():
    serial = "SN-0123456789-ABCDEFGHIJKLMNOPQR"
    with Sim(serial=serial, key=KEY) as sim:
        assert glass(sim, "keys ##") == serial[:16] + "\n" + serial[16:]


def test_messages_make_room_for_the_idle_page(twin):
    assert twin.enter(twin.token(3, 2)) == "ADD_TIME"
    assert twin.answer["display"] == "Valid\n3 days left"
    assert glass(twin.sim, "advance 6") == "3 days left\n"
    twin.sim.keys("123456789#")
    assert glass(twin.sim, "advance 6") == "3 days left\n"
    twin.sim.do("advance 300000")
    assert twin.sim.status()["display"] == "Locked\nEnter a token"


def test_days_left_are_never_shown_as_none_while_the_load_is_on():
    with Twin(time_divider=24) as twin:
        assert twin.enter(twin.token(49, 2)) == "ADD_TIME"
        assert twin.answer["display"] == "Valid\n3 days left", "49 hours"
        for ahead, text in ((3600, 2), (DAY - 10, 2), (20, 1), (DAY - 20, 1)):
            twin.advance(ahead)
            assert twin.answer["display"] == f"{text} day{'s' * (text > 1)} left\n"
            assert twin.answer["load"]
        twin.advance(15)
        assert not twin.answer["load"] and twin.answer["display"] == "Locked\nEnter a token"


def test_the_last_day_is_said_at_every_key(twin):
    assert set(pressed(twin.sim, "1")) == {"buzzer"}, "no credit: nothing to warn of"
    twin.sim.keys("*")
    twin.enter(twin.token(2, 2))
    twin.advance(10)
    click = pressed(twin.sim, "1")
    assert set(click) == {"buzzer"} and click["buzzer"] <= 30
    twin.sim.keys("*")
    twin.catch_up()
    twin.advance(DAY - 5)
    for key in "7*":
        warning = pressed(twin.sim, key)
        assert warning["led_red"] >= 50 and warning["buzzer"] >= 50


@pytest.mark.parametrize(
    "keys, blinks",
    (("{add}#", 2), ("{add}#{add}#", 3), ("{free}#", 5), ("{sync}#", 2), ("{set}#", 2)),
    ids=("valid", "valid, then used once", "free", "sync", "set"),
)
def test_green_blinks_as_the_reference_devices_do(twin, keys, blinks):
    keys = keys.format(
        add=twin.token(30, 2),
        free=twin.token(998, 3),
        sync=twin.token(999, 3),
        set=twin.token(30, 3),
    )
    ons = 0
    for entry in keys.split("#")[:-1]:
        twin.sim.do("levels")
        twin.sim.keys(entry + "#")
        twin.sim.do("run 4000")
        changes = twin.sim.do("levels")["changes"]
        ons += [change[1:] for change in changes].count(["led_green", True])
    assert ons == blinks


def test_red_stays_on_for_a_wrong_token(twin):
    twin.sim.keys("123456789")
    said = pressed(twin.sim, "#")
    assert said["led_red"] >= 900 and "led_green" not in said


def test_a_blank_unit():
    with Sim() as sim:
        answer = sim.status()
        assert answer["display"] == "No setup\n" and answer["load"] is False
        kept = {"provisioned": False, "active": False, "seconds_left": 0, "count": 0, "payg": True}
        assert kept.items() <= answer.items()
        answer = sim.keys(f"{ADD_1}#")
        assert answer["load"] is False and answer["display"] == "No setup\n"
        assert kept.items() <= answer.items() and answer["result"] is None
        assert sim.keys("*##")["display"] == "Unit ID\nnone"
        sim.do("advance 100000")
        sim.do("power off")
        assert kept.items() <= sim.do("power on").items()
        assert "error" in sim.do("provision"), "there is no identity to give"


def test_provisioning_a_blank_unit_and_one_that_has_its_identity():
    with Twin() as twin:
        before = twin.sim.status()
        assert twin.sim.do("provision") == before
        assert before["provisioned"] and before["display"] == "Locked\nEnter a token"
        assert twin.enter(ADD_1) == "ADD_TIME"
        assert twin.sim.do("provision")["count"] == 2, "nothing is undone"


def test_credit_is_kept_at_the_cap():
    with Sim(serial="C1", key=KEY, starting_code=STARTING_CODE, count=1) as sim, Twin() as twin:
        for count in range(2, 24, 2):
            answer = sim.keys(twin.token(995, count) + "#")
        assert answer["seconds_left"] == 9999 * DAY
        assert answer["display"] == "Valid, maximum\n9999 days left"
        assert sim.do("advance 10")["seconds_left"] in (9999 * DAY - 10, 9999 * DAY - 11)
        answer = sim.keys(twin.token(1, 24) + "#")
        assert answer["display"] == "Valid, maximum\n9999 days left"
        assert sim.keys(twin.token(0, 25) + "#")["display"] == "Locked\n"
