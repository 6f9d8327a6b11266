"""`payg console` against the firmware on simulated chips, and against what is not the firmware."""

import pytest
import serial
from click.testing import CliRunner

from firmware import VERSION, events
from tests_host.helpers.published import ADD_1, FREE
from tests_host.station.line import FIRST, has_no_key, set_up, type_line
from tools.cable.unit import SimulatedUnit
from tools.commands.console import command
from tools.station import console as asking
from tools.station.console import ConsoleError, described, moment, restart
from tools.station.selftest import key_check


def run(port):
    """Return (exit code, everything it said)."""
    result = CliRunner().invoke(command, ["--port", str(port)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, has_no_key(result.output)


@pytest.fixture
def unit():
    """A sealed unit."""
    with SimulatedUnit(board="pico") as made:
        set_up(made)
        yield made


@pytest.mark.long
def test_a_unit_says_who_it_is_what_is_paid_and_what_happened(unit):
    assert type_line(unit, f"#TOKEN;{ADD_1}").startswith("#TOKEN;VALID")
    for wrong in ("111111111", "111111112"):
        type_line(unit, f"#TOKEN;{wrong}")
    unit.do("advance 61")
    code, said = run(unit.port)
    assert code == 0, said
    lines = said.splitlines()
    assert lines[0] == "Serial     SLT000000001"
    assert lines[1].startswith("Status     active, 0 d 23:58:")
    assert lines[2:7] == [
        "Count      2",
        f"Key check  {key_check(FIRST.key)}",
        f"Firmware   {VERSION}",
        "Keypad     not locked, 2 wrong tokens in a row",
        "Clock      0 faults so far",
    ]
    assert lines[7:9] == ["Restarts   0 in a row", "Events     1"]
    assert lines[9].endswith("provisioned") and len(lines) == 10
    assert unit.restarts == 0

    type_line(unit, "#TOKEN;111111113")
    _, said = run(unit.port)
    assert "locked for 0 d 00:0" in said and "3 wrong tokens in a row" in said

    unit.do("advance 200")
    type_line(unit, f"#TOKEN;{FREE}")
    _, said = run(unit.port)
    assert "free: unlocked for good" in said and "0 wrong tokens" in said


def test_what_somebody_else_typed_before_is_passed_over(unit):
    with serial.Serial(unit.port) as port:
        port.write(b"#STATUS\r#ID\r#TOK")
    code, said = run(unit.port)
    assert code == 0 and "Serial     SLT000000001" in said, said


def test_a_blank_unit_says_so_and_runs_on():
    with SimulatedUnit(board="pico") as unit:
        code, said = run(unit.port)
        assert code == 0 and "blank unit" in said and VERSION in said and "not sealed" in said
        assert unit.restarts == 0
        set_up(unit)


def test_every_event_has_a_name_and_a_time_that_is_not_known_is_said():
    assert moment(0) == "at an unknown time "
    assert moment(86400 * 366 + 3661) == "2021-01-01 01:01:01"
    assert all(events.NAMES)


def test_a_board_without_the_firmware_is_told(plug_in):
    code, said = run(plug_in().port)
    assert code == 1 and "MicroPython's prompt" in said and "payg deploy" in said


def test_a_unit_that_does_not_answer_is_told(plug_in, monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.3)
    code, said = run(plug_in(busy="print('on')\nwhile True:\n    pass\n").port)
    assert code == 1 and "does not answer" in said and "plugged out and in" in said


def test_a_cable_pulled_meanwhile_is_told(plug_in):
    unit = plug_in()
    unit.pull()
    unit.plug(limit=4)
    code, said = run(unit.port)
    assert code == 1 and "broke" in said


def test_a_port_that_is_not_there(tmp_path):
    code, said = run(tmp_path / "ttyX")
    assert code == 1 and "there is no port" in said


@pytest.mark.parametrize(
    ("identity", "status", "counters"),
    [
        (["A1", "0011"], ["ACTIVE", "5"], ["1", "0", "0", "0", "0"]),
        (["A1", "0011", "1", "1.0"], ["ACTIVE", "soon"], ["1", "0", "0", "0", "0"]),
        (["A1", "0011", "1", "1.0"], ["ACTIVE"], ["1", "0", "0", "0", "0"]),
        (["A1", "0011", "1", "1.0"], ["INACTIVE"], ["1", "0", "0"]),
        (["A1", "0011", "1", "1.0"], ["INACTIVE"], ["1", "0", "0", "0", "x"]),
    ],
)
def test_an_answer_of_another_version_is_refused(identity, status, counters):
    with pytest.raises(ConsoleError, match="another way"):
        described("/dev/ttyX", identity, status, counters)


def test_a_restart_is_told_in_words():
    assert restart(31) == "by watchdog or reset, 1 in a row"
    assert restart(93) == "by cause 9, 3 in a row"
