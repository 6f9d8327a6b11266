"""docs/evidence.md: every cell has an answer, and every named test is there and can run there."""

import re

import pytest

from tests_host.helpers.tables import quoted, table
from tools.paths import ROOT

TESTS = ROOT / "tests_host"
COLUMNS = ("cpython", "unix", "pico", "esp32", "board")
NOTHING = ("not tried", "does not apply")
NAMES = r"`[\w/]+(\.py)?`(, `[\w/]+(\.py)?`)*( \([^()]+\))?"
BY_HAND = r"by hand: \[([\w-]+\.md)\]\(([\w-]+\.md)\)\. .+"
MARK = r"pytest\.mark\.emulated"
ROWS = {name: cells for name, *cells in table("evidence.md", "Evidence")}


def named(cell):
    """Return the names of tests in a cell."""
    return quoted(cell) if re.fullmatch(NAMES, cell) else []


def marked(name):
    """Does a test of this file or folder run under `make test-pico`?"""
    place = TESTS / name
    files = [place] if place.is_file() else place.rglob("test_*.py")
    return any(re.search(MARK, file.read_text()) for file in files)


def test_no_row_is_there_twice():
    assert len(ROWS) == len(table("evidence.md", "Evidence")) > 40


@pytest.mark.parametrize("row", ROWS)
def test_every_cell_has_an_answer(row):
    assert len(ROWS[row]) == len(COLUMNS)
    for cell in ROWS[row]:
        by_hand = re.fullmatch(BY_HAND, cell)
        assert cell in NOTHING or named(cell) or by_hand, cell
        if by_hand:
            shown, page = by_hand.groups()
            assert shown == page and (ROOT / "docs" / page).is_file()


@pytest.mark.parametrize("row", ROWS)
def test_every_named_test_is_there_and_runs_in_its_column(row):
    for column, cell in zip(COLUMNS, ROWS[row]):
        for name in named(cell):
            assert (TESTS / name).exists(), name
            assert column in ("cpython", "unix", "pico"), f"no test runs there: {name}"
            if column == "pico":
                assert marked(name), f"not marked `emulated`: {name}"
            else:
                assert not name.startswith("emulated"), name
