"""Drivers and media pass their tests on MicroPython too: the very same files."""

import pytest

from tests_host.helpers.both import passes_on_micropython


@pytest.mark.parametrize("module", ("clock", "media", "ds1307", "nvs"))
def test_on_micropython(module):
    passes_on_micropython(f"tests_host.store.test_{module}")
