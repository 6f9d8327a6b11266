"""The image, the build and units to start from. All tests here are marked `emulated`."""

import pytest

from tools.emulator.image import NoPicoError, find_image
from tools.emulator.probe import board_file
from tools.proofs.emulated import Rig, add, memories
from tools.station.build import build
from tools.station.littlefs import add_tree

CREDIT = 30  # days


def pytest_collection_modifyitems(items):
    """Put the two longest tests first, one for each of two processes.

    Each process gets half of all tests; an idle process takes tests over from the other
    (`--dist worksteal`).
    """
    long = [item for item in items if "test_memory" in item.nodeid]
    rest = [item for item in items if item not in long]
    half = len(items) // 2 - 1
    items[:] = long[:1] + rest[:half] + long[1:] + rest[half:]


@pytest.fixture(scope="session")
def image():
    """Path of MicroPython's image for the Pico, or the reason why there is none."""
    try:
        return find_image()
    except NoPicoError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """(directory, manifest) of this checkout's build."""
    place = tmp_path_factory.mktemp("build") / "pico"
    return place, build("pico", place)


@pytest.fixture(scope="session")
def probed(tmp_path_factory):
    """Directory of the build with the probe of tools/emulator/probe.py in its board file."""
    place = tmp_path_factory.mktemp("probed")
    build("pico", place / "tree", board_file(place), trusted=True)
    return place / "tree"


@pytest.fixture(scope="session")
def sealed(tree):
    """Memories of a unit that is provisioned and has no credit; count 1."""
    return memories(tree[0])


@pytest.fixture(scope="session")
def credited(tree):
    """The same with CREDIT days; count 2."""
    return memories(tree[0], f"keys {add(CREDIT, 2)}#", "advance 10")


@pytest.fixture
def launch(image):
    """Function that switches an emulated unit on: see Rig."""
    return lambda kept, **options: Rig(image, kept, **options)


@pytest.fixture(scope="session")
def blank(tree):
    """File system of a unit as `payg deploy` leaves it."""
    return add_tree(tree[0])[0]
