"""The wiring guides say what the board files say, and the drawings are those of the boards."""

import re

import pytest

from tools.dev.wiring import BOARDS, ESP32, PICO, drawing, guide, load, wires
from tools.paths import ROOT


@pytest.mark.parametrize("name", BOARDS)
def test_the_guides_are_up_to_date(name):
    text = (ROOT / "docs" / f"wiring-{name}.md").read_text()
    assert text == guide(name), "run: python -m tools.dev.wiring"


@pytest.mark.parametrize("name", BOARDS)
def test_every_wire_is_in_table_and_drawing(name):
    header, data = BOARDS[name], load(name)
    text, picture = guide(name), "\n".join(drawing(BOARDS[name], data))
    for part, pin, gpio in wires(data):
        assert re.search(rf"\| {re.escape(part)} \| `?{re.escape(pin)}`? \| {gpio} \|", text)
        names = {gpio: name for name, gpio in header.aliases.items()}
        place = names.get(gpio, f"{header.prefix}{gpio}")
        row = next(line for line in picture.split("\n") if re.search(rf"\b{place}\b", line))
        assert f"{part} {pin}" in row


@pytest.mark.parametrize("name", BOARDS)
def test_every_wire_of_a_board_file_is_known_here(name):
    """A part that somebody adds to a board file is not silently left out of its guide."""
    data = load(name)
    drawn = {gpio for *_, gpio in wires(data)}
    named = set()
    for part in vars(data):
        if part.isupper() and part != "CHIP":
            for key, value in getattr(data, part).items():
                if key in ("pin", "adc", "sda", "scl", "clk", "dio"):
                    named.add(value)
                elif key in ("rows", "columns"):
                    named.update(value)
    assert named == drawn


def test_the_pico_has_forty_pins_and_the_devkit_thirty_eight():
    assert [len(header.left + header.right) for header in (PICO, ESP32)] == [40, 38]
