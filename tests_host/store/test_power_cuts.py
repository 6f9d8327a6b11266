"""A slice of the power cuts and of the wear that `make bench` measures: tools/bench_store.py."""

import pytest

from tools.bench_store import KINDS, run, wear_rows

DENSITY = 8  # offsets tried in a step
CUTS = {"pico": 5400, "corner": 6400, "ds1307": 2600, "bare": 1500, "esp32": 4300}  # at least
DAYS = 45


def test_the_slice_is_large_enough():
    assert set(CUTS) == set(KINDS)
    assert sum(CUTS.values()) >= 20_000


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_doubled_or_shortened_by_a_cut(kind):
    found = run("power_cuts.py", kind, 1, 2, DENSITY)
    assert found["lost"] == found["double"] == found["shortened"] == 0, found
    assert found["cuts"] >= CUTS[kind]


def test_six_sectors_last_ten_years_with_nine_tenths_to_spare():
    flash, eeprom = wear_rows(run("wear.py", "corner", DAYS))
    assert flash["years_to_100k"] > 100
    assert eeprom["years_to_1m"] > 100
