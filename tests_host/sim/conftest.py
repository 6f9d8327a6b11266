"""Simulators for the tests of the simulator itself."""

import json
from pathlib import Path

import pytest

from tests_host.simulator import Sim

HERE = Path(__file__).resolve().parent
RUN = HERE.parent.parent / "tools" / "sim" / "run.py"
TINY = HERE / "tiny"


@pytest.fixture
def launch(micropython_exe):
    """Return a function that starts a simulator with these options of run.py."""
    running = []

    def launch(**options):
        command = [micropython_exe, "-X", "heapsize=8m", str(RUN), json.dumps(options)]
        sim = Sim(command=command).__enter__()
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
