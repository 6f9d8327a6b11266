"""One child process of each interpreter for all tests of a worker."""

import pytest

from tests_host.drivers.support import INTERPRETERS, Drivers


@pytest.fixture(scope="session", params=INTERPRETERS)
def drivers(request):
    """Run drivers on chip models under one interpreter, then under the other."""
    running = Drivers(request.param)
    yield running
    running.close()
