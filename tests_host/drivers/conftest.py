"""One child process of each interpreter for all tests of a worker."""

import pytest

from tests_host.drivers.support import Drivers
from tools.interpreter import device_libraries
from tools.paths import ROOT
from tools.proofs.interpreters import INTERPRETERS, Answerer

CHILD = "tests_host.drivers.child"
SHIM = ROOT / "tests_host" / "shim"  # a `micropython` module for CPython


@pytest.fixture(scope="session", params=INTERPRETERS)
def drivers(request):
    """Run drivers on chip models under one interpreter, then under the other."""
    with Answerer(request.param, CHILD, *device_libraries(), path=(SHIM,)) as answerer:
        yield Drivers(answerer)
