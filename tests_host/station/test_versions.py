"""MicroPython versions: too old or untested ones are refused in words, by station and unit."""

import pytest
from click.testing import CliRunner

from tests_host.station.line import FIRST, Server, identity_of, list_file, rest, set_up, type_line
from tools.batches.ledger import Ledger
from tools.cable.unit import SimulatedUnit
from tools.cli import payg
from tools.station import prompt as ports
from tools.station.prompt import Prompt
from tools.station.versions import VersionError, check_version, engine_fault, version_of

OLD = (1, 20, 0)
NEWER = (1, 31, 2)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.7)


def run(*arguments):
    """Return (exit code, everything it said) of `payg`."""
    result = CliRunner().invoke(payg, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    "found, chip, insisted, word",
    [
        ((1, 28, 0), "esp32", False, None),
        ((1, 28, 3), "rp2040", False, None),
        ((1, 25, 9), "esp32", True, "needs 1.26.0 or later"),
        ((1, 26, 0), "esp32", False, "tested with 1.28 only"),
        ((1, 26, 0), "esp32", True, None),
        ((1, 20, 0), "rp2040", True, "needs 1.21.0 or later"),
        ((1, 21), "rp2040", True, "needs 1.21.0 or later"),
        ((1, 21, 0), "rp2040", True, None),
        ((2, 0, 0), "rp2040", False, "tested with 1.28 only"),
        ((2, 0, 0), "rp2040", True, None),
    ],
)
def test_which_versions_will_do(found, chip, insisted, word):
    if word is None:
        check_version(found, chip, insisted)
        return
    with pytest.raises(VersionError, match=word) as caught:
        check_version(found, chip, insisted)
    assert "payg flash" in str(caught.value) and "Nothing was changed" in str(caught.value)


def test_an_image_says_its_version():
    assert version_of(b"..\0MicroPython v1.28.0 on 2026-04-06; Raspberry\0") == (1, 28, 0)
    assert version_of(b"MicroPython v1.29.0-preview.12") == (1, 29, 0)
    assert version_of(b"something else") is None


def test_an_engine_that_computes_wrongly_is_named():
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        with Prompt(unit.port) as prompt:
            assert engine_fault(prompt) is None
            prompt.run("import opaygo; right = opaygo.siphash24")
            prompt.run("opaygo.siphash24 = lambda key, data: bytes(8)")
            assert "computes wrongly" in engine_fault(prompt)
            prompt.run("del opaygo.siphash24")
            assert "fails (AttributeError" in engine_fault(prompt)
            prompt.run("opaygo.siphash24 = right; opaygo.decoder.siphash24 = lambda *data: 0")
            prompt.run("opaygo.new_state = lambda count: 1")
            assert "fails" in engine_fault(prompt)


@pytest.mark.parametrize("board, lowest", [("pico", "1.21.0"), ("esp32", "1.26.0")])
def test_deploy_onto_too_old_a_micropython_changes_nothing(board, lowest):
    with SimulatedUnit(board=board, bare=True, micropython=OLD) as unit:
        with Prompt(unit.port) as prompt:
            before = prompt.run("import os; print(os.listdir())")
        for option in ((), ("--untested-version",)):
            code, said = run("deploy", "--port", unit.port, *option)
            assert code == 1
            assert f"this is MicroPython 1.20.0, and the firmware needs {lowest}" in said
            assert "Nothing was changed" in said and "payg flash" in said
        with Prompt(unit.port) as prompt:
            assert prompt.run("import os; print(os.listdir())") == before


def test_an_untested_version_needs_insisting(tmp_path):
    batch = list_file(tmp_path)
    Ledger(str(tmp_path / "ledger.db")).close()
    with SimulatedUnit(board="pico", bare=True, micropython=NEWER) as unit:
        deploy, verify = (("deploy", "--port", unit.port), ("verify", "--port", unit.port))
        code, said = run(*deploy)
        assert code == 1 and "this is MicroPython 1.31.2" in said and "--untested-version" in said
        code, said = run(*deploy, "--untested-version")
        assert code == 0, said
        unit.wait_restart(1)
        code, said = run(*verify)
        assert code == 1 and "1.31.2" in said
        provision = ("provision", "--port", unit.port, "--batch", batch)
        provision += ("--serial", FIRST.serial)
        code, said = run(*provision)
        assert code == 1 and "1.31.2" in said and "--untested-version" in said
        assert identity_of(unit)[0] == ""
        code, said = run(*verify, "--untested-version")
        assert code == 0 and "two published examples right" in said


def test_a_unit_on_too_old_a_micropython_says_so_and_touches_no_record(tmp_path):
    """Credit and count are there again once the board has the right MicroPython."""
    server, state = Server(FIRST), tmp_path / "unit"
    with SimulatedUnit(state, "pico") as unit:
        set_up(unit)
        paid = server.make("add", 30)
        assert type_line(unit, "#TOKEN;" + paid).startswith("#TOKEN;VALID")
        assert unit.do("status")["load"]
    with SimulatedUnit(state, "pico", micropython=OLD) as unit:
        unit.do("run 5000")
        assert unit.do("status")["display"] == "Err6" and not unit.do("levels")["on"]["load"]
        code, said = run("deploy", "--port", unit.port)
        assert code == 1
    with SimulatedUnit(state, "pico") as unit:
        assert unit.do("status")["load"]
        assert identity_of(unit)[2] == str(server.count)
        assert type_line(unit, "#TOKEN;" + paid) == "#TOKEN;ALREADY_USED"


def test_a_blank_unit_on_too_old_a_micropython_leaves_the_prompt_to_the_station():
    with SimulatedUnit(board="pico", micropython=OLD) as unit:
        code, said = run("deploy", "--port", unit.port)
        assert code == 1 and "needs 1.21.0" in said


def test_a_refused_unit_runs_on():
    """Ctrl-C had stopped its firmware."""
    with SimulatedUnit(board="pico") as unit:
        for command in ("deploy", "verify"):
            restarts = unit.restarts
            code, said = run(command, "--port", unit.port, "--board", "esp32")
            assert code == 1 and "is no esp32" in said
            unit.wait_restart(restarts + 1)
            assert identity_of(unit)[0] == ""
