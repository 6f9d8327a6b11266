"""`payg console` against the firmware's own console, which runs on the real MicroPython."""

import pytest
import serial
from click.testing import CliRunner

from firmware import VERSION
from firmware.console import key_check
from tools import ROOT
from tools import console as asking
from tools.console import ConsoleError, command, described

KEY = bytes(range(16))
FIRMWARE = f"""
sys.path[:] = [{str(ROOT)!r}, {str(ROOT / "lib")!r}] + sys.path
import asyncio
from firmware.console import Console
from firmware.store import Identity
class Unit:
    identity = IDENTITY
    def free(self):
        return FREE
    def active(self):
        return SECONDS > 0
    def seconds_left(self):
        return SECONDS
    def count(self):
        return 7
print("on")
asyncio.run(Console(Unit(), None, sys.stdin.buffer, sys.stdout).run())
"""
SET_UP = f"Identity('SLT000000001', {KEY!r}, 123456789)"


def firmware(identity=SET_UP, seconds=0, free=False):
    """Source of a unit that runs the firmware's console."""
    text = FIRMWARE.replace("IDENTITY", identity).replace("SECONDS", str(seconds))
    return text.replace("FREE", str(free))


def run(port):
    """Return (exit code, everything it said)."""
    result = CliRunner().invoke(command, ["--port", str(port)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 273906}, "active, 3 d 04:05:06 left"),
        ({}, "inactive: nothing is paid"),
        ({"free": True}, "free: unlocked for good"),
    ],
)
def test_a_unit_says_who_it_is_and_what_is_paid(plug_in, options, words):
    code, said = run(plug_in(busy=firmware(**options)).port)
    assert code == 0, said
    assert said.splitlines() == [
        "Serial     SLT000000001",
        f"Status     {words}",
        "Count      7",
        f"Key check  {key_check(KEY)}",
        f"Firmware   {VERSION}",
    ]
    assert KEY.hex() not in said


def test_what_somebody_else_typed_before_is_passed_over(plug_in):
    unit = plug_in(busy=firmware())
    with serial.Serial(unit.port) as port:
        port.write(b"#STATUS\r#ID\r#TOK")
    code, said = run(unit.port)
    assert code == 0 and "inactive" in said, said


def test_a_blank_unit_says_so(plug_in):
    code, said = run(plug_in(busy=firmware(identity="None")).port)
    assert code == 0 and said == f"A blank unit, firmware {VERSION}: it has no identity yet\n"


def test_a_board_without_the_firmware_is_told(plug_in, monkeypatch):
    monkeypatch.setattr(asking, "QUIET", 0.2)
    code, said = run(plug_in().port)
    assert code == 1 and "not the firmware" in said and "payg deploy" in said


def test_a_unit_that_does_not_answer_is_told(plug_in, monkeypatch):
    monkeypatch.setattr(asking, "QUIET", 0.1)
    code, said = run(plug_in(busy="print('on')\nwhile True:\n    pass\n").port)
    assert code == 1 and "does not answer" in said


def test_a_cable_pulled_meanwhile_is_told(plug_in):
    unit = plug_in()
    unit.pull()
    unit.plug(limit=4)
    code, said = run(unit.port)
    assert code == 1 and "broke" in said


def test_a_port_that_is_not_there(tmp_path):
    code, said = run(tmp_path / "ttyX")
    assert code == 1 and "there is no port" in said


def test_an_answer_of_another_version_is_refused():
    with pytest.raises(ConsoleError, match="another way"):
        described(["A1", "0011"], ["ACTIVE", "5"])
    with pytest.raises(ConsoleError, match="another way"):
        described(["A1", "0011", "1", "1.0"], ["ACTIVE", "soon"])
