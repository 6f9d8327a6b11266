"""`payg conform` on a serial line: it finds each planted fault and passes right units."""

import json
import sys

import pytest
from click.testing import CliRunner

from firmware.account import LONGEST
from tests_host.conform.wrong_units import FAULTS, Line, RightUnit
from tools.commands.conform import ask_operator, command, run_power_command
from tools.conformance.chains import Chains
from tools.conformance.model import Model
from tools.conformance.run import FAIL, NOT_RUN, PASS, run
from tools.conformance.trial import Limits, Trial
from tools.conformance.units import SerialUnit, SilentUnitError, SimUnit
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

EXAMPLE = ("--key", PUBLISHED_KEY.hex(), "--starting-code", str(PUBLISHED_CODE))
KEY = (*EXAMPLE, "--count", "1", "--yes")


def judged(unit, entries=40, power=True, **line):
    """Return {title: Result} of a unit on a serial line."""
    with Line(unit, **line) as cable:
        cycle = unit.power_cycle if power else None
        with SerialUnit(cable.port, cycle) as device:
            trial = Trial(device, Model(Chains(PUBLISHED_KEY, PUBLISHED_CODE)))
            trial.limits = Limits(entries=entries, seed=7, extended=5)
            return {result.title: result for result in run(trial)}


def verdicts(results):
    """Return the set of titles of each verdict."""
    by = {PASS: set(), FAIL: set(), NOT_RUN: set()}
    for title, result in results.items():
        by[result.verdict].add(title)
    return by


def test_a_right_unit_passes_all_that_can_be_run_in_seconds():
    found = verdicts(judged(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)))
    assert not found[FAIL]
    assert found[NOT_RUN] == {
        "Certification: entered 48 hours late",
        "Digits 1 to 4",
        "Length of the lockouts",
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found_where_it_belongs(fault):
    results = judged(fault(PUBLISHED_KEY, PUBLISHED_CODE), entries=0)
    assert results[FAULTS[fault]].verdict == FAIL, results
    assert results[FAULTS[fault]].detail
    assert sum(result.verdict == PASS for result in results.values()) >= 7, results


EDGES = (
    ("opaygo.decoder.JUMP", 63, "How far ahead, how far back"),
    ("opaygo.decoder.JUMP", 65, "How far ahead, how far back"),
    ("opaygo.state.OLDER", 14, "How far ahead, how far back"),
    ("opaygo.state.OLDER", 18, "How far ahead, how far back"),
    ("opaygo.decoder.SYNC_AHEAD", 99, "Counter sync"),
    ("opaygo.decoder.SYNC_AHEAD", 101, "Counter sync"),
    ("opaygo.decoder.SYNC_BACK", 63, "Counter sync"),
    ("opaygo.decoder.SYNC_BACK", 65, "Counter sync"),
)


@pytest.mark.parametrize(("name", "value", "title"), EDGES)
def test_a_window_that_is_off_by_one_is_found(monkeypatch, name, value, title):
    monkeypatch.setattr(name, value)
    assert judged(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), 0)[title].verdict == FAIL


class Impatient(RightUnit):
    """The first mistake locks already."""

    forgiven = 0


class Patient(RightUnit):
    """Three mistakes are forgiven."""

    forgiven = 3


@pytest.mark.parametrize("unit", [Impatient, Patient])
def test_another_number_of_forgiven_mistakes_is_found(unit):
    results = judged(unit(PUBLISHED_KEY, PUBLISHED_CODE), 0)
    assert FAIL in (results["Published scenario"].verdict, results["Lockout"].verdict)


class StoresSeldom(RightUnit):
    """A power cut costs two minutes of credit."""

    def power_cycle(self):
        self.until -= 120


def test_a_power_cut_may_cost_another_unit_an_hour_and_ours_a_minute(monkeypatch):
    title = "Power cut"
    assert judged(StoresSeldom(PUBLISHED_KEY, PUBLISHED_CODE), 0)[title].verdict == PASS
    monkeypatch.setattr(SerialUnit, "cut_s", SimUnit.cut_s)
    result = judged(StoresSeldom(PUBLISHED_KEY, PUBLISHED_CODE), 0)[title]
    assert result.verdict == FAIL and "by a power cut" in result.detail
    assert judged(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), 0)[title].verdict == PASS
    assert SimUnit.cut_s == LONGEST, "the longest that a record of our unit covers"


RANDOM_FINDS = [fault for fault in FAULTS if fault.__name__ in ("CreditsUsed", "OlderAfterSet")]


@pytest.mark.parametrize("fault", RANDOM_FINDS, ids=lambda fault: fault.__name__)
def test_random_entries_alone_find_it_too(fault):
    results = judged(fault(PUBLISHED_KEY, PUBLISHED_CODE), entries=300)
    assert results["Random entries against the model"].verdict == FAIL


@pytest.mark.parametrize(
    "line",
    [
        {"end": b"\n"},
        {"end": b"\r"},
        {"end": b";\r\n"},
        {"noise": b"\xff\x00tick #TOKEN;\r\n[debug] relay=1\r\n"},
        {"echo": True},
        {"pace": 0.005},
    ],
    ids=("LF", "CR", "semicolon", "noise", "echo", "latency"),
)
def test_other_manners_of_speaking_are_understood(line):
    found = verdicts(judged(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), 0, False, **line))
    assert not found[FAIL]
    assert "Lockout and power cut" in found[NOT_RUN], "nobody to pull the battery"


class Minutes(RightUnit):
    """Tells whole minutes."""

    def shown(self):
        return max(0, self.left() - 1) // 60 * 60


def test_a_unit_that_rounds_needs_the_tolerance_for_it():
    with Line(Minutes(PUBLISHED_KEY, PUBLISHED_CODE)) as cable:
        arguments = ["--port", cable.port, *KEY, "--entries", "0"]
        assert CliRunner().invoke(command, arguments).exit_code == 1
    with Line(Minutes(PUBLISHED_KEY, PUBLISHED_CODE)) as cable:
        arguments[1] = cable.port
        done = CliRunner().invoke(command, [*arguments, "--tolerance", "65"])
        assert done.exit_code == 0, done.output


def test_power_command_and_reports(tmp_path):
    plug = tmp_path / "plug"
    script = f"import pathlib; pathlib.Path({str(plug)!r}).touch()"
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "html")}
    unit = next(fault for fault in FAULTS if fault.__name__ == "ForgetsLockout")
    with Line(unit(PUBLISHED_KEY, PUBLISHED_CODE), plug=plug) as cable:
        done = CliRunner().invoke(
            command,
            ["--port", cable.port, *KEY, "--entries", "5", "--seed", "3"]
            + ["--power-command", f'"{sys.executable}" -c "{script}"']
            + ["--json", str(files["json"]), "--html", str(files["html"])],
        )
    assert done.exit_code == 1, done.output
    assert "FAILED: 1 of 23 checks" in done.output and "--seed 3" in done.output
    report = json.loads(files["json"].read_text())
    assert report["seed"] == 3 and report["random_entries"] == 5
    wrong = [check for check in report["checks"] if check["verdict"] == FAIL]
    assert [check["name"] for check in wrong] == ["lockout-power"]
    page = files["html"].read_text()
    assert page.count("<tr><td") == len(report["checks"]) == 23
    assert page.count(">FAIL<") == 1 and "--extended VALUE" in page
    for text in (done.output, page, files["json"].read_text()):
        assert PUBLISHED_KEY.hex() not in text


def test_a_unit_that_falls_silent_is_told(monkeypatch):
    class Dies(RightUnit):
        alive = True

        def answer(self, line):
            self.alive = self.alive and "942433796" not in line
            return super().answer(line) if self.alive else ""

    monkeypatch.setattr(SerialUnit.ask, "__defaults__", (0.2,))
    results = judged(Dies(PUBLISHED_KEY, PUBLISHED_CODE))
    assert "no answer" in results["Published scenario"].detail
    last = results["Lockout"]
    assert last.verdict == NOT_RUN and "answers no more" in last.detail


def test_a_slow_unit_fails_the_certification(monkeypatch):
    monkeypatch.setattr("tools.conformance.trial.JUDGED_S", 0.001)
    results = judged(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), pace=0.005)
    assert "are allowed" in results["Published scenario"].detail


def test_setup_gives_the_public_key_and_says_so():
    with Line(RightUnit()) as cable:
        arguments = ["--port", cable.port, "--setup", "--entries", "0", "--extended", "5"]
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        assert "key is public" in done.output
        assert "pass     Published scenario" in done.output
        again = CliRunner().invoke(command, arguments)
    assert again.exit_code == 1 and "an identity already" in again.output


def test_a_blank_unit_is_no_pass():
    with Line(RightUnit()) as cable:
        done = CliRunner().invoke(command, ["--port", cable.port, *KEY])
    assert done.exit_code == 1 and "expected #TOKEN;INVALID, got #INVALID" in " ".join(
        done.output.split()
    )


def test_a_person_is_asked_to_pull_the_battery(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "tools.commands.conform.click.prompt", lambda text, **more: asked.append(text)
    )
    with Line(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)) as cable:
        with SerialUnit(cable.port, ask_operator) as device:
            device.power_cycle()
            assert device.ask("#STATUS;") == "#STATUS;INACTIVE", "the port is open again"
    assert "Take ALL power" in capsys.readouterr().out
    assert len(asked) == 1 and "press Enter" in asked[0]


def test_a_power_command_that_fails_is_told():
    with pytest.raises(SilentUnitError, match="exit code 3"):
        run_power_command("exit 3")


def test_the_kit_never_calls_a_model_that_errs_a_unit_that_errs():
    unit = RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)
    with Line(unit) as cable, SerialUnit(cable.port) as device:
        trial = Trial(device, Model(Chains(PUBLISHED_KEY, PUBLISHED_CODE)))
        with pytest.raises(RuntimeError, match="the model calls"):
            trial.expect("662486790", "SET_TIME")
