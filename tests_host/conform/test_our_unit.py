"""`payg conform` on our own unit: simulated, and in the RAM of a blank one at its prompt."""

import json
import shutil
import sys

import pytest
from click.testing import CliRunner

from tools.commands.conform import command
from tools.conformance.checks import CHECKS
from tools.conformance.run import NOT_RUN, PASS
from tools.proofs.simulator import Sim
from tools.station.console import LineConsole

AS_ON_A_BOARD = "sys.path[:0] = ['', 'lib']\nprint('on')\n"
WITHOUT_PAUSES = """
import asyncio
def impatient(ms, sleep_ms=asyncio.sleep_ms):
    assert ms == 0, "the kit waits"
    return sleep_ms(ms)
asyncio.sleep_ms = impatient
"""
PAYG = (sys.executable, "-m", "tools.cli")
KEY = "00112233445566778899aabbccddeeff"


def conform(path, *arguments):
    """Return (result, {name: verdict}) of `payg conform`."""
    done = CliRunner().invoke(command, [*arguments, "--json", str(path / "report.json")])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert (path / "report.json").exists(), done.output
    report = json.loads((path / "report.json").read_text())
    return done, {check["name"]: check["verdict"] for check in report["checks"]}


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "skipped"),
    [
        ((), {"restricted"}),
        (("--key", KEY, "--time-divider", "24"), {"restricted", "published"}),
        (
            ("--key", KEY, "--count", "700", "--restricted"),
            {"count-0", "published", "zeros", "zeros-lost"},
        ),
    ],
    ids=("example", "hours", "digits 1-4"),
)
def test_the_simulated_unit_passes(tmp_path, options, skipped):
    done, verdicts = conform(tmp_path, "--sim", "--entries", "250", "--seed", "11", *options)
    assert done.exit_code == 0, done.output
    assert {name for name, verdict in verdicts.items() if verdict == NOT_RUN} == skipped
    assert {name for name, verdict in verdicts.items() if verdict == PASS} == {
        check.name for check in CHECKS
    } - skipped
    assert KEY not in done.output


def test_a_blank_unit_is_made_one_in_ram_and_stays_blank(plug_in, pico_build, tmp_path):
    tree, _ = pico_build
    unit = plug_in(busy=WITHOUT_PAUSES + AS_ON_A_BOARD)
    shutil.copytree(tree, unit.folder, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in unit.folder.rglob("*") if path.is_file()}
    done, verdicts = conform(tmp_path, "--port", unit.port, "--entries", "40", "--seed", "5")
    assert done.exit_code == 0, done.output
    assert {name for name, verdict in verdicts.items() if verdict == NOT_RUN} == {
        "late",
        "restricted",
        "extended",
        "power",
        "lockout-power",
        "lockout-lasts",
    }
    assert unit.reset, "the unit in RAM is gone"
    after = {path: path.read_bytes() for path in unit.folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_firmware_at_work_is_stopped_checked_in_ram_and_blank_afterwards(tmp_path):
    with Sim(headless=True, command=[*PAYG, "sim", "--cable"]) as sim:
        port = json.loads(sim.read_line())["port"]
        done, _ = conform(tmp_path, "--port", port, "--entries", "20", "--seed", "5")
        assert done.exit_code == 0, done.output
        with LineConsole(port) as console:
            assert console.ask("ID")[0] == ""


def test_a_unit_with_an_identity_is_refused(plug_in, pico_build):
    tree, _ = pico_build
    program = "class controller:\n    class unit:\n        identity = True\n"
    unit = plug_in(busy=program + AS_ON_A_BOARD)
    shutil.copytree(tree, unit.folder, dirs_exist_ok=True)
    done = CliRunner().invoke(command, ["--port", unit.port])
    assert done.exit_code == 1 and "be blank" in done.output


def test_a_board_without_the_firmware_is_told(plug_in):
    done = CliRunner().invoke(command, ["--port", plug_in().port])
    assert done.exit_code == 1 and "payg deploy" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--sim, or --port"),
        (["--sim", "--port", "x"], "--sim, or --port"),
        (["--sim", "--setup"], "--setup is for a blank unit"),
        (["--port", "x", "--setup", "--key", KEY], "--setup is for a blank unit"),
        (["--port", "x", "--starting-code", "5"], "needs --key"),
        (["--port", "x", "--restricted"], "need the key"),
        (["--command", "x", "--manual"], "--sim, or --port"),
        (["--manual", "--setup"], "--setup is for a blank unit"),
        (["--port", "x", "--ledger", "y"], "--ledger needs --batch"),
        (["--sim", "--without", "locks"], "'locks' is not one of"),
        (["--sim", "--entries", "-1"], "a number of entries"),
    ],
)
def test_wrong_command_lines_are_told(arguments, said):
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2 and said in done.output


def test_a_port_that_is_not_there():
    for more in ([], ["--setup"]):
        done = CliRunner().invoke(command, ["--port", "/dev/ttyX9", *more])
        assert done.exit_code == 1 and "there is no port" in done.output
