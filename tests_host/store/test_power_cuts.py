"""A slice of the power cuts and of the wear that `make bench` measures: tools/bench_store.py."""

import pytest

from tools.bench_store import KINDS, run, wear_rows

DENSITY = 8  # offsets tried in a step
CUTS = {"pico": 4000, "corner": 4900, "ds1307": 2200, "bare": 1800, "esp32": 6500}  # at least
DAYS = 45


def test_the_slice_is_large_enough():
    assert set(CUTS) == set(KINDS)
    assert sum(CUTS.values()) >= 19_000


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_doubled_or_shortened_by_a_cut(kind):
    found = run("power_cuts.py", kind, 1, 2, DENSITY)
    assert found["lost"] == found["double"] == found["shortened"] == 0, found
    assert found["cuts"] >= CUTS[kind]


def test_six_sectors_last_ten_years_with_nine_tenths_to_spare():
    flash, eeprom = wear_rows(run("wear.py", "corner", DAYS))
    assert flash["years_to_100k"] > 100
    assert eeprom["years_to_1m"] > 100
