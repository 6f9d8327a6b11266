"""`payg conform` on units without a port: behind an adapter program, and at a person's keypad."""

import json
import sys

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import CreditsUsed, ForgetsLockout, RightUnit
from tools.commands.conform import command
from tools.conformance import foreign
from tools.conformance.run import FAIL, NOT_RUN, PASS
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.paths import ROOT

EXAMPLE = ("--key", PUBLISHED_KEY.hex(), "--starting-code", str(PUBLISHED_CODE))
ADAPTER = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "lib")!r}, {str(ROOT / "tests_host/shim")!r}]
from tests_host.conform.wrong_units import RightUnit
unit = RightUnit(bytes.fromhex({PUBLISHED_KEY.hex()!r}), {PUBLISHED_CODE})
print("ready")
for line in sys.stdin:
    print("heard", line.strip())
    print(unit.answer(line.strip()), flush=True)
"""
OPENPAYGO = f"{sys.executable} -m tools.conformance.openpaygo_adapter"


def conform(tmp_path, *options, given=""):
    """Return (click's result, {name: verdict}, the JSON report)."""
    path = tmp_path / "report.json"
    arguments = [*options, "--yes", "--seed", "7", "--json", str(path)]
    done = CliRunner().invoke(command, arguments, input=given)
    assert path.exists(), done.output
    report = json.loads(path.read_text())
    return done, {check["name"]: check["verdict"] for check in report["checks"]}, report


class TestAdapter:
    """A child process that speaks the lines."""

    def test_a_right_unit_passes(self, tmp_path):
        script = tmp_path / "adapter.py"
        script.write_text(ADAPTER)
        line = f"'{sys.executable}' '{script}' 00112233445566778899aabbccddeeff"
        done, verdicts, report = conform(tmp_path, "--command", line, "--entries", "40")
        assert done.exit_code == 0, done.output
        assert PASS in verdicts.values() and report["outcome"] == "passed"
        assert report["unit"].endswith("adapter.py' (hidden)"), "no key in the report"

    def test_setup_by_an_adapter(self, tmp_path):
        script = tmp_path / "adapter.py"
        script.write_text(ADAPTER.replace("RightUnit(bytes", "RightUnit() or (bytes"))
        line = f"'{sys.executable}' '{script}'"
        done, _, _ = conform(
            tmp_path, "--command", line, "--setup", "--profile", "certification", "--entries", "0"
        )
        assert done.exit_code == 0, done.output
        assert "key is public" in done.output and "Go on?" not in done.output

    @pytest.mark.parametrize(
        ("program", "code", "said"),
        [
            ("no-such-adapter", 1, "cannot start the adapter 'no-such-adapter'"),
            ("'open quote", 1, "No closing quotation"),
            ("", 1, "cannot start the adapter"),
            (f"'{sys.executable}' -c 'raise SystemExit(\"no bus\")'", 3, "exit code 1, 'no bus'"),
        ],
    )
    def test_a_program_that_cannot_answer(self, program, code, said):
        done = CliRunner().invoke(command, ["--command", program, "--yes"])
        assert done.exit_code == code and said in done.output, done.output

    def test_a_program_that_says_nothing(self, monkeypatch):
        monkeypatch.setattr(foreign, "HELLO_S", 0.05)
        line = f"'{sys.executable}' -c 'import time; time.sleep(60)'"
        done = CliRunner().invoke(command, ["--command", line, "--yes"])
        assert done.exit_code == 3 and "flush its output" in done.output, done.output


class TestOpenpaygo:
    """The worked example: the findings in the package's decoder that docs/conformance.md names.

    Another list of findings means that the pinned package has changed.
    """

    def test_the_decoder_with_a_list_of_used_counts(self, tmp_path):
        done, verdicts, report = conform(
            tmp_path,
            *("--command", OPENPAYGO, "--without", "lockout", "--extended", "5"),
            *("--entries", "300"),
        )
        assert done.exit_code == 1
        wrong = {check["name"]: check for check in report["checks"] if check["verdict"] == FAIL}
        assert set(wrong) == {
            "count-0",
            "published",
            "count-0-again",
            "sync-once",
            "zeros-lost",
            "malformed",
            "extended",
            "random",
        }
        assert wrong["count-0"]["entry"]["count"] == 0
        assert "UnboundLocalError" in wrong["malformed"]["entry"]["answer"]
        assert verdicts["once"] == verdicts["windows"] == verdicts["final"] == PASS
        assert report["profiles"]["certification"] == "passed"
        assert report["profiles"]["protocol"] == "failed"

    def test_the_decoder_with_an_empty_list(self, tmp_path):
        done, verdicts, report = conform(
            tmp_path,
            *("--command", f"{OPENPAYGO} --empty", "--profile", "protocol"),
            *("--without", "published", "--without", "malformed", "--entries", "0"),
        )
        once = next(check for check in report["checks"] if check["name"] == "once")
        assert once["verdict"] == FAIL and "TypeError" in once["entry"]["answer"]
        assert verdicts["published"] == NOT_RUN


class Person:
    """Types what is shown on a unit, and presses the key for the unit's answer."""

    def __init__(self, unit, monkeypatch, slip_at=0, stop_at=0):
        self.unit, self.slip_at, self.stop_at = unit, slip_at, stop_at
        self.shown = 0
        monkeypatch.setattr(foreign, "grouped", self.read)
        monkeypatch.setattr(foreign, "getkey", self.press)
        monkeypatch.setattr("tools.commands.conform.ask_operator", unit.power_cycle)

    def read(self, digits):
        """Note the token that the kit shows."""
        self.digits, self.shown = digits, self.shown + 1
        return digits

    def press(self):
        """Return the key."""
        if self.shown == self.stop_at:
            return "q"
        if self.shown == self.slip_at:
            return "t"
        answer = self.unit.answer(f"#TOKEN;{self.digits}").split(";")[1]
        words = {"VALID": "v", "PAYG_DISABLED": "v", "ALREADY_USED": "u", "LOCKED": "l"}
        return words.get(answer, "w")


class SkippingClock:
    """A clock that stands still unless `skipped`, seconds, grows."""

    skipped = 1000

    def __call__(self):
        return self.skipped


class TestManual:
    """A keypad, a person, one key for each token."""

    def test_a_right_unit_passes(self, tmp_path, monkeypatch):
        person = Person(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), monkeypatch, slip_at=5)
        done, verdicts, report = conform(tmp_path, "--manual", *EXAMPLE)
        assert done.exit_code == 0, done.output
        assert verdicts["power"] == verdicts["lockout-power"] == PASS
        assert verdicts["random"] == NOT_RUN and report["random_entries"] == 0
        assert "v  accepted" in done.output and person.shown > 100

    @pytest.mark.parametrize(
        ("unit", "name"), [(CreditsUsed, "once"), (ForgetsLockout, "lockout-power")]
    )
    def test_a_fault_is_found_without_seconds(self, tmp_path, monkeypatch, unit, name):
        Person(unit(PUBLISHED_KEY, PUBLISHED_CODE), monkeypatch)
        done, verdicts, _ = conform(tmp_path, "--manual", *EXAMPLE)
        assert done.exit_code == 1 and verdicts[name] == FAIL, done.output

    def test_stopping_early_writes_the_report(self, tmp_path, monkeypatch):
        Person(RightUnit(PUBLISHED_KEY, PUBLISHED_CODE), monkeypatch, stop_at=30)
        done, verdicts, report = conform(tmp_path, "--manual", *EXAMPLE)
        assert done.exit_code == 130 and report["outcome"] == "stopped"
        assert verdicts["published"] == PASS and verdicts["lockout"] == NOT_RUN

    def test_a_slow_typist_is_no_fault_of_the_unit(self, tmp_path, monkeypatch):
        unit = RightUnit(PUBLISHED_KEY, PUBLISHED_CODE)
        clock = SkippingClock()
        monkeypatch.setattr(foreign.ManualUnit, "now", staticmethod(clock))
        unit.clock = clock
        person = Person(unit, monkeypatch)
        press = person.press

        def slow():
            clock.skipped += 130 if unit.mistakes > 2 else 1
            return press()

        monkeypatch.setattr(foreign, "getkey", slow)
        done, verdicts, report = conform(tmp_path, "--manual", *EXAMPLE)
        assert done.exit_code == 0, done.output
        assert verdicts["lockout"] == verdicts["lockout-power"] == NOT_RUN
        details = {check["name"]: check["detail"] for check in report["checks"]}
        assert "type faster" in details["lockout"]
        assert "which was not run" in details["lockout-power"]

    def test_keys_from_a_pipe(self, tmp_path):
        done, _, report = conform(tmp_path, "--manual", *EXAMPLE, given="x\nl\n")
        assert "a key of v, f, u, w, l, t, q" in done.output
        assert done.exit_code == 3 and "locked by earlier" in done.output
        done, _, report = conform(tmp_path, "--manual", *EXAMPLE)
        assert done.exit_code == 130 and report["entries"] == 1, "the end of the input stops"
