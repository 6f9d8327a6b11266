"""`payg board test` against simulated boards: a good board passes, each planted fault is named."""

import json
import shutil
import threading

import pytest
from click.testing import CliRunner

from tests_host.station.line import FIRST, Server, identity_of, rest, set_up, type_line
from tools.acceptance.run import FAILED, NOT_DONE, PASSED, BoardTest, FaultError, Options
from tools.cable.unit import SimulatedUnit
from tools.cli import payg
from tools.identity import PUBLISHED_KEY
from tools.paths import ROOT
from tools.station import prompt as ports

QUICK = Options(resets=2, lines=100, clock_seconds=2, trial=1)


class Robot:
    """Hands at a simulated board. `acts`: {name: commands before the plug is pulled}."""

    def __init__(self, unit, acts=None, sees=True):
        self._unit, self._acts, self._sees = unit, acts or {}, sees
        self.asked = []

    def act(self, name, instruction):
        self.asked.append(name)
        if name in ("plug", "coin cell"):
            for command in self._acts.get(name, ()):
                self._unit.do(command)
            self._unit.power_off()
            self._unit.power_on()

    def confirm(self, name, question):
        self.asked.append(name)
        return self._sees

    def press(self, keys):
        threading.Thread(target=lambda: self._unit.do(f"keys {keys}"), daemon=True).start()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.7)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Folder of a simulated Pico, and of an ESP32, that have this checkout's build."""
    folder = tmp_path_factory.mktemp("boards")
    for board in ("pico", "esp32"):
        with SimulatedUnit(folder / board, board, bare=True) as unit:
            result = CliRunner().invoke(payg, ["deploy", "--port", unit.port])
            assert result.exit_code == 0, result.output
    return folder


def custom(tmp_path, *changes):
    """Write a board file like the Pico's with `changes`, pairs of texts; return its path."""
    text = (ROOT / "board" / "pico.py").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "custom.py"
    path.write_text(text)
    return path


def run(unit, options=QUICK):
    """Test a SimulatedUnit; return (did it pass, {name: Step})."""
    test = BoardTest(unit.port, options, lambda step: None, lambda name: None)
    test.refuse_identity()
    good = test.run()
    return good, {step.name: step for step in test.steps}


def board(tmp_path, deployed, name="pico", **options):
    """A SimulatedUnit that has the build already."""
    place = tmp_path / "board"
    shutil.copytree(deployed / name, place)
    return SimulatedUnit(place, name, **options)


@pytest.mark.long
def test_a_good_board_passes_and_is_blank_again(tmp_path, deployed):
    with board(tmp_path, deployed) as unit:
        hands = Robot(unit)
        good, steps = run(unit, QUICK._replace(hands=hands))
        assert good, steps
        assert {step.outcome for step in steps.values()} == {PASSED}
        assert hands.asked == ["display", "lamp", "lamp", "plug", "coin cell"]
        assert steps["sectors"].figures["free"] >= 12 and steps["loading"].figures
        assert identity_of(unit)[0] == ""
        assert not [path for path in unit_files(tmp_path) if "identity" in path]


def unit_files(tmp_path):
    return [path.name for path in (tmp_path / "board").rglob("*")]


@pytest.mark.long
def test_the_command_writes_a_report_without_keys(tmp_path, deployed):
    with board(tmp_path, deployed) as unit:
        options = ["board", "test", "--port", unit.port, "--cable-only", "--resets", "2", "--yes"]
        name = str(tmp_path / "report")
        result = CliRunner().invoke(payg, [*options, "--report", name])
        assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["outcome"] == "passed by cable, hands not done" and report["format"] == 1
    outcomes = {step["name"]: step["outcome"] for step in report["steps"]}
    assert outcomes["resets"] == PASSED and outcomes["keys"] == outcomes["plug"] == NOT_DONE
    page = (tmp_path / "report.html").read_text()
    assert (
        "<h1>Board test: passed" in page
        and "us per hash" in page
        and "The board: passed by cable" in result.output
    )
    for text in (page, (tmp_path / "report.json").read_text(), result.output):
        assert PUBLISHED_KEY.hex() not in text.lower()


def test_a_unit_with_an_identity_is_refused(tmp_path):
    with SimulatedUnit(tmp_path / "unit", "pico") as unit:
        set_up(unit)
        before = identity_of(unit)
        with pytest.raises(FaultError, match=f"is {FIRST.serial}. A test would end its identity"):
            run(unit)
        assert identity_of(unit) == before


def test_a_customers_unit_in_service_mode_is_refused(tmp_path):
    server = Server(FIRST)
    with SimulatedUnit(tmp_path / "unit", "pico") as unit:
        set_up(unit)
        type_line(unit, "#TOKEN;" + server.make("extended", 1))
        unit.wait_restart(1)
        rest(unit)
        with pytest.raises(FaultError, match=f"is {FIRST.serial}. A test would end its identity"):
            run(unit)
        test = BoardTest(unit.port, QUICK, lambda step: None, lambda name: None)
        assert test._step("blank again", test._blank_again)
        assert "no identity is" in test.steps[0].text
        unit.power_off()
        unit.power_on()
        assert identity_of(unit)[0] == FIRST.serial


def test_a_run_that_was_broken_off_is_taken_up(tmp_path, deployed):
    with board(tmp_path, deployed) as unit:
        test = BoardTest(unit.port, QUICK, lambda step: None, lambda name: None)
        assert test._step("seal", test._seal) and test._step("credit", test._credit)
        assert identity_of(unit)[0] == "BOARDTEST"
        again = BoardTest(unit.port, QUICK, lambda step: None, lambda name: None)
        again.refuse_identity()
        assert identity_of(unit)[0] == ""


CUSTOM = {
    "swapped rows": ("keys", "rows or columns are swapped", ("(2, 3, 4, 5)", "(3, 2, 4, 5)")),
    "wrong divider": (
        "inputs",
        "Compare the divider's",
        ("(100_000, 10_000)", "(100_000, 20_000)"),
    ),
    "wrong address": ("I2C", "EEPROM at 0x50 does not answer; the bus has 0x57", ("0x57", "0x50")),
}
WORLD = {
    "dead display": ("esp32", ["bus 0x27 dead"], "I2C", "LCD at 0x27 does not answer"),
    "stuck load": (
        "pico",
        ["supply bridge 1"],
        "load",
        "voltage behind the switch though it is off",
    ),
    "slow crystal": ("pico", ["clock rate 0.99"], "clock rate", "Check the clock chip's crystal"),
}
CASES = [
    pytest.param(name, *case, marks=pytest.mark.long, id=name) for name, case in WORLD.items()
]


@pytest.mark.parametrize("fault", CUSTOM)
def test_a_fault_of_the_wiring_is_named(tmp_path, deployed, fault):
    step, words, change = CUSTOM[fault]
    with board(tmp_path, deployed) as unit:
        options = QUICK._replace(hands=Robot(unit), custom=custom(tmp_path, change))
        good, steps = run(unit, options)
        assert not good and steps[step].outcome == FAILED
        assert words in steps[step].text, steps[step].text
        assert steps["blank again"].outcome == PASSED
        assert "watchdog" in steps and "seal" not in steps


@pytest.mark.parametrize("fault, name, commands, step, words", CASES)
def test_a_fault_of_a_part_is_named(tmp_path, deployed, fault, name, commands, step, words):
    with board(tmp_path, deployed, name) as unit:
        for command in commands:
            unit.do(command)
        good, steps = run(unit)
        assert not good and steps[step].outcome == FAILED, steps
        assert words in steps[step].text, steps[step].text


def test_a_clock_chip_without_a_cell_is_named(tmp_path, deployed):
    with board(tmp_path, deployed) as unit:
        good, steps = run(unit, QUICK._replace(hands=Robot(unit, {"plug": ["rtc lost"]})))
        assert steps.get("plug"), [step for step in steps.values() if step.outcome == FAILED]
        assert not good and steps["plug"].outcome == FAILED
        assert "lost its time without power. Is there a cell" in steps["plug"].text
        assert identity_of(unit)[0] == ""


def test_a_display_that_a_person_sees_dark_is_named(tmp_path, deployed):
    with board(tmp_path, deployed) as unit:
        good, steps = run(unit, QUICK._replace(hands=Robot(unit, sees=False)))
        assert not good and "stays dark" in steps["display"].text
        assert "does not follow its pin" in steps["lamp"].text


def test_too_few_free_sectors_are_named(tmp_path):
    with SimulatedUnit(tmp_path / "board", "pico", bare=True, flash_kb=260) as unit:
        good, steps = run(unit)
        assert not good and "file system is too full" in steps["deploy"].text
        assert list(steps) == ["version", "line", "deploy", "blank again"]


def test_a_wrong_version_is_named(tmp_path):
    with SimulatedUnit(tmp_path / "board", "pico", bare=True, micropython=(1, 20, 0)) as unit:
        good, steps = run(unit)
        assert not good and "needs 1.21.0 or later" in steps["version"].text
        assert list(steps) == ["version", "blank again"]


def test_a_noisy_console_is_named(tmp_path, deployed, monkeypatch):
    true = SimulatedUnit._to_host
    passed = [0]

    def noisy(unit, data=b""):
        for at in range(len(data)):
            passed[0] += 1
            if passed[0] % 977 == 0:
                data = data[:at] + bytes((data[at] ^ 0x20,)) + data[at + 1 :]
        return true(unit, data)

    with board(tmp_path, deployed) as unit:
        monkeypatch.setattr(SimulatedUnit, "_to_host", noisy)
        good, steps = run(unit)
        assert not good
        assert "changes or loses characters" in steps["line"].text
