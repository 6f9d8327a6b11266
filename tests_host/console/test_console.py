"""The serial console, through the simulated unit: what factory stations and clever people type."""

import random
import string

import pytest

from firmware.console import Lines, key_check
from tests_host.helpers.published import ADD_1, KEY, UNIT
from tests_host.helpers.published import STARTING_CODE as CODE
from tools.proofs.simulator import Sim

CHECK = key_check(bytes.fromhex(KEY))


@pytest.fixture
def unit():
    with Sim(**UNIT) as sim:
        yield sim


@pytest.fixture
def blank():
    with Sim() as sim:
        yield sim


def say(sim, text):
    """The answer to one line; there is exactly one."""
    lines = sim.do("uart " + text)["uart"] or sim.do("run 3000")["uart"]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_token_over_the_wire_counts_like_one_from_the_keypad(unit):
    assert say(unit, "#TOKEN;" + ADD_1) == "#TOKEN;VALID;86400"
    answer = unit.status()
    assert answer["load"] and answer["count"] == 2
    assert answer["display"].startswith("Valid")
    assert say(unit, "#TOKEN;" + ADD_1) == "#TOKEN;ALREADY_USED"
    assert unit.keys(ADD_1 + "#")["result"] == "ALREADY_USED"


def test_the_status_says_what_the_unit_does(unit):
    assert say(unit, "#STATUS") == "#STATUS;INACTIVE"
    unit.keys(ADD_1 + "#")
    unit.do("advance 400")
    seconds = unit.status()["seconds_left"]
    assert say(unit, "#STATUS;") == f"#STATUS;ACTIVE;{seconds}"


def test_unlocking_for_good_is_said(unit):
    unit.keys(ADD_1 + "#")
    assert say(unit, "#TOKEN;650975787") == "#TOKEN;PAYG_DISABLED"
    assert say(unit, "#STATUS") == "#STATUS;PAYG_DISABLED"


def test_the_console_shares_the_keypads_lockout(unit):
    for digits in ("111111111", "111111112"):
        assert say(unit, "#TOKEN;" + digits) == "#TOKEN;INVALID"
    assert unit.keys("111111113#")["locked_seconds"] == 120
    assert say(unit, "#TOKEN;" + ADD_1) == "#TOKEN;LOCKED;120"
    unit.do("advance 121")
    assert say(unit, "#TOKEN;" + ADD_1) == "#TOKEN;VALID;86400"


def test_digits_that_are_no_token_cost_nothing(unit):
    for digits in ("", "1", "12345678", "1234567890123", "12345678x", "１２３４５６７８９"):
        assert say(unit, "#TOKEN;" + digits) == "#TOKEN;INVALID"
    assert unit.status()["locked_seconds"] == 0
    assert say(unit, "#TOKEN;" + ADD_1) == "#TOKEN;VALID;86400"


@pytest.mark.parametrize(
    "line", [f"#SETUP;SLT5;{CODE};{KEY}", f"#SLT5;{CODE};a29ab82e dc5fbbc4 1ec9530f 6dac86b1"]
)
def test_the_older_tools_can_provision_a_blank_unit(blank, line):
    assert say(blank, line) == f"#SETUP;OK;SLT5;{CHECK}"
    assert blank.status()["provisioned"]
    assert say(blank, "#TOKEN;" + ADD_1) == "#TOKEN;VALID;86400"
    blank.do("power off")
    blank.do("power on")
    assert say(blank, "#ID") == f"#ID;SLT5;{CHECK};2;0.1.0"


@pytest.mark.parametrize(
    "line",
    [
        f"#SETUP;;{CODE};{KEY}",
        f"#SETUP;{'S' * 33};{CODE};{KEY}",
        f"#SETUP;SLT5;1000000000;{KEY}",
        f"#SETUP;SLT5;-1;{KEY}",
        f"#SETUP;SLT5;{CODE};{KEY[:-1]}",
        f"#SETUP;SLT5;{CODE};{KEY[:-1]}g",
        f"#SETUP;SLT5;{CODE};{KEY};1",
        f"#SETUP;SL T5;{CODE};{KEY}",
        f"SETUP;SLT5;{CODE};{KEY}",
    ],
)
def test_a_bad_identity_leaves_the_unit_blank(blank, line):
    assert say(blank, line) == "#INVALID"
    assert not blank.status()["provisioned"]


def test_a_serial_may_have_32_characters(blank):
    assert say(blank, f"#SETUP;{'S' * 32};{CODE};{KEY}") == f"#SETUP;OK;{'S' * 32};{CHECK}"


def test_a_unit_keeps_its_identity(unit):
    other = "0" * 32
    assert say(unit, f"#SETUP;SLT000000001;{CODE};{KEY}").startswith("#SETUP;OK;SLT000000001;")
    assert say(unit, f"#SETUP;SLT000000002;{CODE};{KEY}") == "#INVALID"
    assert say(unit, f"#SETUP;SLT000000001;{CODE};{other}") == "#INVALID"
    assert say(unit, "#ID") == f"#ID;SLT000000001;{CHECK};1;0.1.0"


def test_a_blank_unit_judges_nothing(blank):
    assert say(blank, "#TOKEN;" + ADD_1) == "#INVALID"
    assert say(blank, "#STATUS") == "#STATUS;INACTIVE"
    assert say(blank, "#ID") == "#ID;;;0;0.1.0"


def test_a_line_that_is_too_long_is_one_wrong_line(unit):
    assert say(unit, "#TOKEN;" + "1" * 500) == "#INVALID"
    assert say(unit, "#STATUS") == "#STATUS;INACTIVE"


def test_noise_gets_no_key_no_change_and_one_answer_a_line():
    seed = random.randrange(10**6)
    print("seed", seed)
    noise = random.Random(seed)
    with Sim(**UNIT) as sim:
        before = sim.status()
        for _ in range(60):
            lines = [_noise(noise) for _ in range(20)]
            for line, answer in zip(lines, sim.do_all("uart " + line for line in lines)):
                assert "error" not in answer
                text = "\n".join(answer["uart"])
                assert KEY not in text.lower() and "Traceback" not in text and ">>>" not in text
                assert len(answer["uart"]) == (1 if line.strip("\r") else 0), (line, text)
                assert all(said.startswith("#") for said in answer["uart"])
        after = sim.status()
        assert after["count"] == before["count"]
        assert after["seconds_left"] == before["seconds_left"]
        assert after["load"] == before["load"]


def _noise(noise):
    printable = string.printable[:94] + "\x01\x02\x03\x04\x05\x1b\x7f"
    parts = ["#TOKEN", "#STATUS", "#SETUP", "#ID", ";", "#", "0", "123456789", KEY, " ", "import"]
    if noise.random() < 0.5:
        return "x" + "".join(noise.choice(printable) for _ in range(noise.randrange(0, 80)))
    return "x".join(noise.choice(parts) for _ in range(noise.randrange(1, 8)))


def test_lines_end_with_cr_lf_or_a_pause():
    lines = Lines()
    said = [line for character in "#A\r\n\n#B\n" for line in lines.feed(character)]
    assert said == ["#A", "#B"]
    for character in "#C":
        assert lines.feed(character) == ()
    assert lines.end() == ("#C",)
    assert lines.end() == ()


def test_a_long_line_takes_no_more_memory_than_a_short_one():
    lines = Lines()
    for _ in range(100_000):
        assert lines.feed("x") == ()
    assert len(lines._line) < 200
    assert lines.end() == (None,)
    assert lines.feed("#") == ()
    assert lines.end() == ("#",)


def test_the_counters_of_a_unit(unit):
    assert say(unit, "#COUNTERS") == "#COUNTERS;1;0;0;0;0"
    unit.keys(ADD_1 + "#")
    for digits in ("111111111", "111111112", "111111113"):
        unit.keys(digits + "#")
    assert say(unit, "#COUNTERS") == "#COUNTERS;2;3;120;0;0"


def test_a_blank_unit_counts_nothing(blank):
    assert say(blank, "#COUNTERS") == "#COUNTERS;0;0;0;0;0"
    assert say(blank, "#LOG;0") == "#LOG;END"


def test_the_event_log_is_told_entry_by_entry(unit):
    events = unit.do("events")["events"]
    assert len(events) == 1  # it was provisioned
    time, event, number = events[0]
    assert say(unit, "#LOG;0") == f"#LOG;0;{time};{event};{number}"
    assert say(unit, "#LOG;000") == f"#LOG;0;{time};{event};{number}"
    for past in ("1", "999999999"):
        assert say(unit, "#LOG;" + past) == "#LOG;END"
    for wrong in ("", "-1", "x", "1.0", "1000000000", "\u00b2", "0;0"):
        assert say(unit, "#LOG;" + wrong) == "#INVALID"


@pytest.mark.parametrize("word", ["COUNTERS", "LOG", "ID", "STATUS", "TOKEN"])
def test_a_command_is_no_serial_number(blank, word):
    assert say(blank, f"#{word};{CODE};{KEY}") == "#INVALID"
    assert not blank.status()["provisioned"]
