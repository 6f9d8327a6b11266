"""The wire-level tests of the load switch pass on MicroPython too: the very same file."""

import pytest

from tests_host.helpers.both import passes_on_micropython


@pytest.mark.long
def test_the_load_switch_on_micropython():
    passes_on_micropython("tests_host.load.test_wire")
