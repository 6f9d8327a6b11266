"""Outcomes, exit codes and reports of `payg conform`, and the questions before a run."""

import json
import time
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import CreditsUsed, Line, RightUnit, TakesCountZero
from tools.batches.ledger import Ledger
from tools.commands.conform import command
from tools.conformance.chains import Chains
from tools.conformance.checks import CHECKS, PROFILES
from tools.conformance.model import Model
from tools.conformance.report import afterwards, count_to_keep
from tools.conformance.run import FAIL, NOT_RUN, PASS, outcome, run
from tools.conformance.trial import Limits, Trial
from tools.conformance.units import SerialUnit
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

EXAMPLE = ("--key", PUBLISHED_KEY.hex(), "--starting-code", str(PUBLISHED_CODE))
OTHER_KEY = ("--key", "00112233445566778899aabbccddeeff", "--starting-code", "123456789")
QUICK = ("--entries", "0", "--seed", "1")
SHORT = ("--profile", "certification", "--without", "sets")


def examine(unit, *options, given="", **line):
    """Return click's result of `payg conform --port` on a unit."""
    with Line(unit, **line) as cable:
        return CliRunner().invoke(command, ["--port", cable.port, *QUICK, *options], input=given)


def example():
    return RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)


class TestNothingChecked:
    """Exit code 3, and a sentence about the likely cause."""

    @pytest.mark.parametrize("count", ["1", "700"])
    def test_a_wrong_key(self, count):
        done = examine(example(), *OTHER_KEY, "--count", count, "--yes")
        assert done.exit_code == 3, done.output
        assert "Nothing was checked" in done.output
        assert "the unit's own key and starting code" in done.output
        assert "count is as before" in done.output

    def test_the_report_then_claims_neither_count_nor_lockout(self, tmp_path):
        path = tmp_path / "r.json"
        examine(example(), *OTHER_KEY, "--count", "700", "--yes", "--json", str(path))
        report = json.loads(path.read_text())
        assert report["outcome"] == "nothing checked" and report["locked_s"] is None
        assert report["count"] == report["count_before"] == 700

    @pytest.mark.parametrize("count", ["1", "700"])
    def test_a_locked_keypad(self, count):
        unit = example()
        unit.locked_until = unit.clock() + 400
        done = examine(unit, *EXAMPLE, "--count", count, "--yes")
        assert done.exit_code == 3, done.output
        assert "keypad is locked by earlier wrong entries" in done.output
        assert "FAIL" not in done.output

    def test_a_count_that_is_too_low(self):
        unit = example()
        unit.state = unit.state._replace(count=300)
        done = examine(unit, *EXAMPLE, "--count", "100", "--yes")
        assert done.exit_code == 3 and "Is --count too low?" in done.output, done.output

    def test_a_silent_unit(self, monkeypatch):
        monkeypatch.setattr("tools.conformance.units.HELLO_S", 0.05)
        unit = example()
        unit.answer = lambda line: ""
        done = examine(unit, *EXAMPLE, "--yes")
        assert done.exit_code == 3, done.output
        assert "nothing was checked" in done.output and "has the unit power" in done.output

    def test_a_silent_unit_at_setup(self, monkeypatch):
        monkeypatch.setattr(SerialUnit.ask, "__defaults__", (0.05,))
        unit = RightUnit()
        unit.answer = lambda line: ""
        done = examine(unit, "--setup")
        assert done.exit_code == 3 and "no answer to #SETUP" in done.output, done.output

    def test_everything_left_out(self):
        names = [word for check in CHECKS for word in ("--without", check.name)]
        done = examine(example(), *EXAMPLE, "--yes", *names)
        assert done.exit_code == 3 and "No check could be run" in done.output


class TestBeforeTheRun:
    """What the run leaves behind is told, and asked."""

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--command", "no-such-adapter"), "cannot start the adapter"),
            (("--port", "/dev/null"), "is not a serial port"),
            (("--port", "/dev/ttyX9"), "there is no port"),
        ],
    )
    def test_no_seed_and_no_question_before_a_unit_that_cannot_be_reached(self, options, said):
        done = CliRunner().invoke(command, [*options, *EXAMPLE], input="y\n")
        assert done.exit_code == 1 and said in done.output
        assert "--seed" not in done.output and "Go on?" not in done.output

    def test_the_count_and_the_lockout_are_told_and_asked(self):
        unit = example()
        done = examine(unit, *EXAMPLE, given="n\n")
        assert done.exit_code == 1 and "nothing was entered" in done.output
        said = " ".join(done.output.split())
        assert (
            "moves the unit's count from 1 up by about 1100" in said and "keypad is locked" in said
        )
        assert unit.state.count <= 1, "nothing was entered"

    def test_nobody_to_answer(self):
        done = examine(example(), *EXAMPLE)
        assert done.exit_code == 2 and "--yes goes on" in done.output

    def test_yes_at_the_question(self):
        done = examine(example(), *EXAMPLE, *SHORT, given="y\n")
        assert done.exit_code == 0, done.output
        assert "At the end the unit's keypad" not in done.output, "no lockout in this profile"

    @pytest.mark.parametrize("option", ["--json", "--html", "--junit"])
    def test_a_report_that_cannot_be_written(self, option, tmp_path):
        unit = example()
        place = tmp_path / "none" / "report"
        done = examine(unit, *EXAMPLE, "--yes", option, str(place))
        assert done.exit_code == 1 and f"cannot write {place}" in done.output
        assert unit.state.count <= 1, "noticed before the first entry"

    def test_a_refused_run_leaves_no_empty_report(self, tmp_path):
        examine(example(), *EXAMPLE, "--json", str(tmp_path / "r.json"), given="n\n")
        assert not (tmp_path / "r.json").exists()

    def test_setup_tells_of_the_key_only_after_the_unit_took_it(self):
        done = examine(example(), "--setup")
        assert done.exit_code == 1 and "identity already" in done.output
        assert "keeps this identity" not in done.output


class TestEverythingAccepted:
    """A unit that accepts all entries fails in each profile."""

    @pytest.mark.parametrize("profile", PROFILES)
    @pytest.mark.parametrize("status", ["ACTIVE;86400", "INACTIVE"])
    def test_the_same_answer_to_every_token(self, profile, status):
        unit = example()
        unit.answer = lambda line: {"#TOKEN": "#TOKEN;VALID;86400"}.get(
            line.split(";")[0], f"#STATUS;{status}"
        )
        done = examine(unit, *EXAMPLE, "--count", "5", "--yes", "--profile", profile)
        assert done.exit_code == 1 and "FAIL" in done.output, done.output

    @pytest.mark.parametrize("spares", ["ALREADY_USED", "INVALID"])
    def test_the_right_credit_for_every_token(self, tmp_path, spares):
        class Accepts(RightUnit):
            def judge(self, digits):
                outcome, seconds = super().judge(digits)
                if outcome in ("ALREADY_USED", "INVALID") and outcome != spares:
                    return "ADD_TIME", 86_400
                return outcome, seconds

        done, report = report_of(
            tmp_path, Accepts(PUBLISHED_KEY, PUBLISHED_CODE), "--profile", "certification"
        )
        assert done.exit_code == 1, done.output
        verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
        assert verdicts["refused"] == FAIL

    def test_a_person_who_sees_every_token_accepted(self, monkeypatch):
        monkeypatch.setattr("tools.conformance.foreign.getkey", lambda: "v")
        options = ["--manual", *EXAMPLE, "--yes", "--profile", "certification"]
        done = CliRunner().invoke(command, options)
        assert done.exit_code == 1, done.output


def report_of(tmp_path, unit, *options):
    """Return (click's result, the JSON report)."""
    path = tmp_path / "report.json"
    done = examine(unit, *EXAMPLE, "--yes", "--json", str(path), *options)
    return done, json.loads(path.read_text())


class TestAfterTheRun:
    """Count, lockout, profiles and failures are told."""

    def test_count_and_lockout(self, tmp_path):
        unit = example()
        done, report = report_of(tmp_path, unit)
        assert done.exit_code == 0, done.output
        assert report["count"] == unit.state.count > 600 and report["count_before"] == 1
        assert 60 < report["locked_s"] <= 120 and report["count_certain"]
        assert f"count is now {unit.state.count}" in done.output
        assert "keypad is locked for 2 min, until" in done.output
        keys = {"format", "tool", "tool_version", "seed", "profile", "outcome", "summary"}
        assert keys <= set(report) and report["outcome"] == "passed"
        assert report["profiles"] == dict.fromkeys(PROFILES, "passed")

    def test_a_list_gives_the_key_and_the_ledger_gets_the_count(self, tmp_path):
        header = "Serial Number,Starting Code,Key,Count,Time Divider,Restricted Digit Mode,"
        row = f"SLT1,{PUBLISHED_CODE},{PUBLISHED_KEY.hex()},1,1,0,,,\n"
        listed = tmp_path / "batch.csv"
        listed.write_text(header + "Hardware Model,Version,Test Code\n" + row)
        unit = example()
        options = ("--batch", str(listed), "--serial", "SLT1", "--yes", *SHORT)
        refused = examine(unit, *options)
        assert refused.exit_code == 1 and "add --new-ledger" in refused.output
        assert unit.state.count == 1
        first = examine(unit, *options, "--new-ledger")
        assert first.exit_code == 0, first.output
        assert PUBLISHED_KEY.hex() not in first.output
        with Ledger(str(tmp_path / "ledger.db")) as ledger:
            assert ledger.count("SLT1") >= unit.state.count > 10
        again = examine(unit, *options)
        assert again.exit_code == 0, "the ledger's count is the one to go on from"

    def test_a_list_needs_a_serial_and_no_key(self, tmp_path):
        (tmp_path / "batch.csv").write_text("")
        listed = ("--batch", str(tmp_path / "batch.csv"))
        assert "which unit of the list" in examine(example(), *listed).output
        both = examine(example(), *listed, "--serial", "SLT1", *EXAMPLE)
        assert both.exit_code == 2 and "leave out --key" in both.output

    def test_each_profile_has_its_line_and_the_chosen_one_the_exit_code(self, tmp_path):
        unit = TakesCountZero(PUBLISHED_KEY, PUBLISHED_CODE)
        done, report = report_of(tmp_path, unit)
        assert done.exit_code == 1
        assert report["profiles"]["strict"] == "failed"
        assert report["profiles"]["certification"] == "passed"
        lines = done.output.splitlines()
        assert [line.split(":")[0] for line in lines if line.startswith(tuple(PROFILES))] == list(
            PROFILES
        )
        done, report = report_of(
            tmp_path, TakesCountZero(PUBLISHED_KEY, PUBLISHED_CODE), "--profile", "certification"
        )
        assert done.exit_code == 0, done.output
        assert {check["source"] for check in report["checks"]} == {"certification"}
        assert "strict" not in report["profiles"] and report["locked_s"] == 0
        assert report["random_entries"] == 0 and "Random" not in done.output

    def test_a_check_can_be_left_out_by_name(self, tmp_path):
        class NoSync(RightUnit):
            def judge(self, digits):
                assert int(digits) % 1000 != 788 or len(digits) != 9, "a COUNTER_SYNC"
                return super().judge(digits)

        left_out = ("--without", "sync", "--without", "sync-once", "--without", "count-0-again")
        left_out += ("--without", "lockout", "--entries", "60")
        done, report = report_of(tmp_path, NoSync(PUBLISHED_KEY, PUBLISHED_CODE), *left_out)
        assert done.exit_code == 0, done.output
        assert report["left_out"] == ["sync", "sync-once", "count-0-again", "lockout"]
        assert "Left out: sync, sync-once, count-0-again, lockout" in done.output
        verdicts = {
            check["name"]: (check["verdict"], check["detail"]) for check in report["checks"]
        }
        assert verdicts["sync"] == (NOT_RUN, "left out: --without sync")
        assert verdicts["lockout-lasts"][0] == NOT_RUN and verdicts["random"][0] == PASS

    def test_a_failure_shows_the_token_and_the_entries_before(self, tmp_path):
        unit = CreditsUsed(PUBLISHED_KEY, PUBLISHED_CODE)
        done, report = report_of(
            tmp_path, unit, "--profile", "protocol", "--junit", str(tmp_path / "r.xml")
        )
        check = next(check for check in report["checks"] if check["name"] == "once")
        entry = check["entry"]
        assert entry["kind"] == "ADD_TIME" and entry["value"] == 3 and entry["count"] % 2 == 0
        assert entry["expected"] == "ALREADY_USED" and "VALID" in entry["answer"]
        assert entry["digits"] in [before["digits"] for before in check["before"]]
        assert f"entry   {entry['digits']} (ADD_TIME value 3 count" in done.output
        assert "before  " in done.output
        suite = ElementTree.parse(tmp_path / "r.xml").getroot()
        assert suite.get("tests") == str(len(report["checks"]))
        case = suite.find("testcase[@name='once']")
        assert case.get("classname") == "conform.protocol"
        assert entry["digits"] in case.find("failure").text
        assert suite.find("testcase[@name='late']/skipped") is not None

    def test_ctrl_c_writes_the_report_of_the_checks_done(self, tmp_path, monkeypatch):
        ask = SerialUnit.ask

        def interrupted(self, line, *more):
            if interrupted.entries > 60:
                raise KeyboardInterrupt
            interrupted.entries += line.startswith("#TOKEN")
            return ask(self, line, *more)

        interrupted.entries = 0
        monkeypatch.setattr(SerialUnit, "ask", interrupted)
        done, report = report_of(tmp_path, example())
        assert done.exit_code == 130, done.output
        assert report["outcome"] == "stopped" and not report["count_certain"]
        verdicts = [check["verdict"] for check in report["checks"]]
        assert PASS in verdicts and FAIL not in verdicts and verdicts[-1] == NOT_RUN
        assert report["checks"][-1]["detail"] == "stopped by the operator"


def test_a_unit_that_refuses_good_tokens_after_a_passed_check_fails():
    class Stubborn(RightUnit):
        def judge(self, digits):
            outcome, seconds = super().judge(digits)
            return ("INVALID", 0) if self.state.count > 20 else (outcome, seconds)

    done = examine(
        Stubborn(PUBLISHED_KEY, PUBLISHED_CODE), *EXAMPLE, "--yes", "--profile", "protocol"
    )
    assert done.exit_code == 1, done.output


class Direct:
    """A RightUnit without a line."""

    name, no_wait, no_power = "unit", "no time", None
    instant = by_hand = False
    cut_s = 3600
    now = staticmethod(time.monotonic)

    def __init__(self, key, code):
        self.unit = RightUnit(key, code)
        self.ask, self.power_cycle = self.unit.answer, self.unit.power_cycle


@pytest.mark.parametrize(
    ("key", "code", "seed"),
    [
        ("a3fe5929d25c5ab83dea6d0cb5adb914", 644942178, 0),  # a token too far ahead is an old one
        ("5ec380e562febac91e44f069c2244c1b", 181270021, 36),  # a chain that runs in a circle
    ],
)
def test_a_key_with_tokens_of_two_counts_fails_no_unit(key, code, seed):
    key = bytes.fromhex(key)
    limits = Limits(entries=60, seed=seed, extended=5)
    trial = Trial(Direct(key, code), Model(Chains(key, code)), limits)
    results = run(trial)
    assert outcome(results, trial) == "passed", [r for r in results if r.verdict == FAIL]
    said = [result.detail for result in results if result.verdict == NOT_RUN]
    assert seed == 0 or any("two counts of this key" in detail for detail in said)


def test_the_ledger_keeps_a_count_above_all_entries_within_reach():
    trial = Trial(Clock(), Model(Chains(PUBLISHED_KEY, PUBLISHED_CODE), 500), Limits())
    trial.highest = 562
    assert count_to_keep(trial) == 562
    trial.highest = 563
    assert count_to_keep(trial) == 500
    trial.highest = 498
    assert count_to_keep(trial) == 500, "the last entry was interrupted"
    assert "as before" in afterwards(trial), "the unit accepted nothing"
    trial.accepted = trial.doubt = True
    assert "probably 500 (next time: --count 500)" in afterwards(trial)
    trial.highest = 502
    said = "probably 500, and tokens up to count 502 are used (next time: --count 502)"
    assert said in afterwards(trial)


class Clock:
    """As much of a unit as a Trial needs at its start."""

    def now(self):
        return 0


def test_every_check_has_a_source_and_its_name_in_the_help():
    assert {check.source for check in CHECKS} == set(PROFILES)
    said = "".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert all(f"{check.name}," in said or f"{check.name}." in said for check in CHECKS)
