"""Simulated units on boards of their own, with firmware in which a test has planted a fault."""

import pytest

from tests_host.helpers.published import KEY, STARTING_CODE
from tools.paths import ROOT
from tools.proofs.checkout import plant, planted_sim

UNIT = {"serial": "S1", "key": KEY, "starting_code": STARTING_CODE}
ESP32 = "board/esp32_devkit.py"
WATCHED = 'WATCHDOG = {"timeout_ms": 8000}\n'
MEASURED = """
BATTERY = {"adc": 26, "divider": (100_000, 10_000), "chemistry": "lead-acid", "volts": 12}
SOLAR = {"adc": 27, "divider": (150_000, 10_000)}
CURRENT = {"adc": 28, "shunt_mohm": 10, "gain": 50, "limit_ma": 5_000}
OUTPUT = {"pin": 14, "active": 1}
FAULT = {"pin": 13, "active": 0}
"""
# Planted, so that a test can see when: the console says "stored" or "refused" and `ticks_ms`.
TOLD = {
    ("firmware/unit.py", "        self._timer.recorded(account)\n"): (
        '        self._timer.recorded(account)\n        print("stored", ticks_ms())\n'
    ),
    ("firmware/unit.py", '        self.problem = "memory"\n'): (
        '        self.problem = "memory"\n        print("refused", ticks_ms())\n'
    ),
}


def told(answer, what):
    """When (ms) records were "stored" or "refused", of TOLD firmware's answer."""
    lines = [line.split() for line in answer["uart"]]
    return [int(words[1]) for words in lines if words[0] == what]


@pytest.fixture
def launch(micropython_exe, tmp_path):
    """Return launch(board="", faults={}, again=True, **options): a running simulator.

    board: lines behind board/sim.py; with the option chip="esp32", behind the file of the ESP32.
    faults: (file, text there) -> text in its place. again: off and on once more, for only a unit
    that starts with an identity has a watchdog. Options are those of run.py.
    """
    running = []

    def launch(board="", faults=None, again=True, **options):
        root = plant(tmp_path / str(len(running)), faults, board)
        if options.get("chip") == "esp32":
            (root / ESP32).write_text((ROOT / ESP32).read_text() + board)
        sim = planted_sim(root, **UNIT | options)
        running.append(sim.__enter__())
        if again:
            sim.do("power off")
            sim.do("power on")
        return sim

    yield launch
    for sim in running:
        sim.__exit__(None, None, None)
