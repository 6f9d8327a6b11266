"""Units on cables, and the tree that belongs on them."""

import pytest

from tests_host.station.board_on_cable import BoardOnCable
from tools.station.build import build


@pytest.fixture
def plug_in(micropython_exe, tmp_path):
    """Function that makes a unit on a cable; see BoardOnCable. They are unplugged in the end."""
    units = []

    def make(name="unit", **options):
        units.append(BoardOnCable(micropython_exe, tmp_path / name, **options))
        return units[-1]

    yield make
    for unit in units:
        unit.pull()
        unit.power_off()


@pytest.fixture(scope="session")
def pico_build(tmp_path_factory):
    """(directory, manifest) of the build for the Pico."""
    tree = tmp_path_factory.mktemp("build") / "pico"
    return tree, build("pico", tree)
