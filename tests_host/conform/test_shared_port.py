"""A port that another program opens, or a cable that breaks, is no fault of the unit."""

import json

import pytest
import serial
from click.testing import CliRunner

from tests_host.conform.wrong_units import Line, RightUnit
from tools.commands.conform import command
from tools.conformance.run import FAIL, NOT_RUN, PASS
from tools.conformance.units import SerialUnit, SilentUnitError
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

EXAMPLE = ("--key", PUBLISHED_KEY.hex(), "--starting-code", str(PUBLISHED_CODE))
QUICK = ("--entries", "0", "--seed", "1", "--yes")
SHARED = "device reports readiness to read but returned no data (multiple access on port?)"
AT = 20  # token at which the connection breaks


def examine(unit, tmp_path):
    """Return (click's result, the JSON report)."""
    path = tmp_path / "report.json"
    with Line(unit) as cable:
        arguments = ["--port", cable.port, *EXAMPLE, *QUICK, "--json", str(path)]
        done = CliRunner().invoke(command, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done, json.loads(path.read_text())


def not_finished(done, report):
    """Is the run not finished, after passed checks, and without a failed check?"""
    verdicts = [check["verdict"] for check in report["checks"]]
    assert PASS in verdicts and FAIL not in verdicts and verdicts[-1] == NOT_RUN
    broken = next(check for check in report["checks"] if check["verdict"] == NOT_RUN)
    assert broken["detail"].startswith("not finished"), broken
    assert "another program use the port" in broken["detail"]
    assert done.exit_code == 3 and "Not finished" in done.output, done.output
    assert "count is probably" in done.output
    assert f"\nN{broken['detail'][1:]}\n" in done.output, "in the last lines, too"
    return True


@pytest.mark.parametrize("error", [serial.SerialException(SHARED), OSError(5, "I/O error")])
def test_a_connection_that_breaks(tmp_path, monkeypatch, error):
    answer = SerialUnit._answer

    def breaks(self, line, end):
        breaks.tokens += line.startswith("#TOKEN")
        if breaks.tokens > AT:
            raise error
        return answer(self, line, end)

    breaks.tokens = 0
    monkeypatch.setattr(SerialUnit, "_answer", breaks)
    assert not_finished(*examine(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), tmp_path))


@pytest.mark.parametrize(
    "heard", ["#ID;A1;1.0;x", "#LOG;0;1;START", "KEN;VALID;86400", ";ALREADY_USED"]
)
def test_answers_that_are_mixed_up(tmp_path, monkeypatch, heard):
    monkeypatch.setattr(SerialUnit.ask, "__defaults__", (3,))

    class Mixed(RightUnit):
        tokens = 0

        def answer(self, line):
            self.tokens += line.startswith("#TOKEN")
            said = super().answer(line)
            return heard if self.tokens > AT and line.startswith("#TOKEN") else said

    assert not_finished(*examine(Mixed(PUBLISHED_KEY, PUBLISHED_CODE), tmp_path))


def test_a_wrong_answer_just_before_the_break_is_no_verdict(tmp_path, monkeypatch):
    answer = SerialUnit._answer

    def breaks(self, line, end):
        said = answer(self, line, end)
        breaks.tokens += line.startswith("#TOKEN")
        if breaks.tokens > AT:
            if line.startswith("#STATUS"):
                raise serial.SerialException(SHARED)
            return "#TOKEN;INVALID"
        return said

    breaks.tokens = 0
    monkeypatch.setattr(SerialUnit, "_answer", breaks)
    assert not_finished(*examine(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), tmp_path))


def test_the_port_is_locked_during_the_run():
    with Line(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)) as cable:
        with SerialUnit(cable.port, lambda: None) as unit:
            with pytest.raises(serial.SerialException, match="lock"):
                serial.Serial(cable.port, exclusive=True)
            with pytest.raises(SilentUnitError, match="another program"):
                SerialUnit(cable.port)
            unit.power_cycle()
            assert unit.ask("#STATUS;") == "#STATUS;INACTIVE"
        serial.Serial(cable.port, exclusive=True).close()
