"""`payg board test` on the emulated Pico, over the cable alone."""

import pytest

from tools.acceptance import run as acceptance
from tools.acceptance.run import FAILED, NOT_DONE, PASSED, BoardTest, Options
from tools.emulator.port import Port
from tools.station import console, selftest
from tools.station import prompt as ports

pytestmark = pytest.mark.emulated

QUICK = Options(resets=2, lines=40, clock_seconds=2)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """An emulated board may be slower than a real one."""
    for module, name, seconds in (
        (ports, "QUIET", 60),
        (ports, "BACK", 300),
        (console, "PATIENCE", 120),
        (console, "AGAIN", 20),
        (selftest, "KNOCK", 60),
        (selftest, "BACK", 300),
        (acceptance, "UP", 300),
        (acceptance, "KNOCK", 60),
        (acceptance, "TOKEN", 300),
    ):
        monkeypatch.setattr(module, name, seconds)


def test_the_emulated_pico_passes(launch, tree, blank):
    rig = launch(blank)
    steps = []
    with Port(rig) as port:
        test = BoardTest(port.path, QUICK, steps.append, lambda name: None)
        test.refuse_identity()
        assert test.run(), [step for step in steps if step.outcome == FAILED]
    outcomes = {step.name: step.outcome for step in steps}
    left_out = {name for name, outcome in outcomes.items() if outcome == NOT_DONE}
    assert left_out == {"display", "keys", "lamp", "plug", "coin cell"}
    assert set(outcomes.values()) == {PASSED, NOT_DONE}
    assert "no identity" in steps[-1].text or "was removed" in steps[-1].text
