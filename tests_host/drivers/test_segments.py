"""Four digits through the library micropython-tm1637, on the wire."""

import pytest

from firmware import VERSION
from firmware.panel import frames

SECOND = 1_000_000
WORDS = (
    "GOOd",
    "USEd",
    "Err",
    "L  4",
    "OFF",
    "FrEE",
    "nOnE",
    "FULL",
    "StUC",
    "C300",
    "Id",
    "----",
)


def show(drivers, *steps):
    return drivers.run("digits", steps=steps)


@pytest.mark.parametrize("word", [*WORDS, "L  4", "1", " 512", "9999", "1234", "5678"])
def test_what_is_said_is_what_can_be_read(drivers, word):
    text = " " * (4 - len(word)) + word
    glass = show(drivers, ["show", [text, None]])["shown"][0][0]
    assert glass == [text.replace("Y", "y")]


def test_serial_numbers_can_be_read_as_well_as_seven_segments_can(drivers):
    for text in frames("SLt_/9"):
        glass = show(drivers, ["show", [text, 400]])["shown"][0][0][0]
        assert glass == text.replace("/", "_")


def test_a_display_without_supply_shows_the_truth_when_it_is_back(drivers):
    answer = show(
        drivers,
        ["show", [" OFF", None]],
        ["power", False],
        ["wait", SECOND],
        ["power", True],
        ["show", [" OFF", None]],
        ["wait", 60 * SECOND],
        ["show", [" OFF", None]],
    )
    before, blank, after = answer["shown"]
    assert before[1] == 60_000, "it wants to be called again though nothing happens"
    assert (blank[0], after[0]) == (["    "], [" OFF"])


def test_the_same_text_is_not_sent_twice_and_scrolling_is_timed(drivers):
    answer = show(drivers, ["show", ["GOOd", 1200]], ["show", ["GOOd", 800]])
    assert [again for _, again, _ in answer["shown"]] == [1200, 800]
    assert answer["shown"][1][2] < 10
    assert answer["shown"][0][2] < 5_000, "within the time to answer a key"


def test_the_library_drives_against_the_acknowledge(drivers):
    """Why nobody notices a missing display: docs/wiring-pico.md says so."""
    assert show(drivers, ["show", ["8888", None]])["contentions"] > 0


def test_long_texts_scroll_and_pages_take_turns():
    assert frames("OFF") == [" OFF"] and frames(" 512") == [" 512"]
    assert frames("GOOd|30") == ["GOOd"] * 3 + ["  30"] * 3
    assert frames("Id|SLT01") == ["  Id"] * 3 + ["SLT0"] * 3 + ["LT01"] * 3
    assert "".join(frames("F|" + VERSION.replace(".", "-"))).count(".") == 0
