"""The chip models' tests pass on MicroPython too: the very same files."""

from pathlib import Path

import pytest

from tests_host.helpers.both import passes_on_micropython
from tools.interpreter import run_on_micropython

HERE = Path(__file__).resolve().parent
MODULES = ("at24c32", "ds3231", "flash", "hd44780", "keypad", "machine", "parts", "world")


@pytest.mark.parametrize("module", MODULES)
def test_models_on_micropython(module):
    passes_on_micropython(f"tests_host.sim.test_{module}")


def test_no_module_is_forgotten():
    written = {path.stem[5:] for path in HERE.glob("test_*.py")}
    assert written - set(MODULES) == {
        "both_interpreters",
        "finalisers",
        "protocol",
        "state",
        "unit",
    }


def test_littlefs_survives_a_cut_at_every_step():
    assert "nothing lost" in run_on_micropython("tests_host.sim.littlefs_cuts", heap="16m")
