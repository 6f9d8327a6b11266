"""Simulators for the tests of the simulator itself."""

from pathlib import Path

import pytest

from tools.interpreter import simulator_with
from tools.proofs.simulator import Sim

HERE = Path(__file__).resolve().parent
TINY = HERE / "tiny"


@pytest.fixture
def launch():
    """Return a function that starts a simulator with these options of run.py."""
    running = []

    def launch(**options):
        sim = Sim(command=simulator_with(options, heap="8m")).__enter__()
        running.append(sim)
        return sim

    yield launch
    for sim in running:
        sim.__exit__(None, None, None)


@pytest.fixture
def start(launch):
    """Return a function that starts a simulator with the tiny firmware."""

    def start(**options):
        return launch(**dict({"root": str(TINY)}, **options))

    return start


@pytest.fixture
def sim(start):
    """A simulator with the tiny firmware."""
    return start()
