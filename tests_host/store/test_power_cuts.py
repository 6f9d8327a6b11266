"""A slice of the power cuts and of the wear that `make bench` measures."""

import pytest

from tools.benchmarks.store import EEPROM_CYCLES, FLASH_CYCLES, KINDS, run, wear_row

DENSITY = 8  # offsets tried in a step
# At least: how many differ depends on the time that littlefs notes with a file.
CUTS = {"pico": 3900, "corner": 4700, "ds1307": 2100, "bare": 1700, "esp32": 6300}
DAYS = 20


def test_the_slice_is_large_enough():
    assert set(CUTS) == set(KINDS)
    assert sum(CUTS.values()) >= 18_500


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_doubled_or_shortened_by_a_cut(kind):
    found = run("power_cuts", kind, 1, 2, DENSITY)
    assert found["lost"] == found["double"] == found["shortened"] == 0, found
    assert found["cuts"] >= CUTS[kind]


@pytest.mark.long
def test_sixteen_sectors_outlive_ten_years():
    row = wear_row(run("wear", 16, DAYS))
    assert row["mean_erases_in_ten_years"] < row["erases_in_ten_years"] < FLASH_CYCLES * 3 // 4
    assert row["eeprom_page_writes_in_ten_years"] < EEPROM_CYCLES // 10
