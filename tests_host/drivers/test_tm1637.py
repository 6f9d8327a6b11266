"""The model of the TM1637 refuses what the chip would not take."""

import pytest

from tools.sim.chips.tm1637 import CLK, DIO, Tm1637, reading
from tools.sim.parts import ChipError


class Wires:
    """A driver that does it right, with the clock it is timed by."""

    def __init__(self):
        self.us = 0
        self.chip = Tm1637(lambda: self.us)
        self.chip.power_on()

    def drive(self, end, level):
        self.us += 5
        self.chip.drive(end, level)

    def frame(self, *data):
        self.drive(DIO, 0)
        self.drive(CLK, 0)
        for byte in data:
            self.byte(byte)
        self.drive(DIO, 0)
        self.drive(CLK, 1)
        self.drive(DIO, 1)

    def byte(self, byte, bits=8):
        for bit in range(bits):
            self.drive(DIO, byte >> bit & 1)
            self.drive(CLK, 1)
            self.drive(CLK, 0)
        if bits == 8:
            self.drive(DIO, None)
            acknowledged = self.chip.levels[DIO] == 0
            self.drive(CLK, 1)
            self.drive(CLK, 0)
            assert acknowledged and self.chip.levels[DIO] == 1


def test_digits_land_where_the_address_says():
    wires = Wires()
    wires.frame(0x40)
    wires.frame(0xC0, 0x3D, 0x3F, 0x3F, 0x5E)
    wires.frame(0x8A)
    assert wires.chip.lines() == ["GOOd"] and wires.chip.brightness == 2
    wires.frame(0x44)
    wires.frame(0xC1, 0x3F | 0x80)
    assert wires.chip.colon and wires.chip.lines() == ["GOOd"]
    assert wires.chip.contentions == 0, "this driver lets the wire go for the acknowledge"


def test_dark_until_it_is_switched_on_and_after_it_is_switched_off():
    wires = Wires()
    wires.frame(0x40)
    wires.frame(0xC0, 0x06, 0x06, 0x06, 0x06)
    assert wires.chip.lines() == ["    "]
    wires.frame(0x88)
    assert wires.chip.lines() == ["1111"]
    wires.frame(0x80)
    assert wires.chip.lines() == ["    "]


def test_without_supply_nothing_is_heard():
    wires = Wires()
    wires.chip.power_off()
    wires.drive(DIO, 0)
    wires.drive(CLK, 0)
    assert wires.chip.levels[DIO] == 1 and wires.chip.lines() == ["    "]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (((0x00,),), "no command"),
        (((0x42,),), "not modelled"),
        (((0xC0, 0x3F),), "before a data command"),
        (((0x40,), (0xC6, 0x3F)), "no digit"),
        (((0x40,), (0xC4, 1, 2, 3)), "no digit"),
        (((0x88, 0x3F),), "takes no data"),
    ],
)
def test_refusals(frames, why):
    wires = Wires()
    with pytest.raises(ChipError, match=why):
        for frame in frames:
            wires.frame(*frame)


def test_a_frame_that_stops_inside_a_byte_is_refused():
    wires = Wires()
    wires.drive(DIO, 0)
    wires.drive(CLK, 0)
    wires.byte(0x40, bits=5)
    wires.drive(DIO, 0)
    wires.drive(CLK, 1)
    with pytest.raises(ChipError, match="bits of a byte"):
        wires.drive(DIO, 1)


def test_a_clock_that_is_too_fast_is_refused():
    wires = Wires()
    wires.drive(CLK, 0)
    with pytest.raises(ChipError, match="400 ns"):
        wires.chip.drive(CLK, 1)


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        ((0x3F, 0x71, 0x71), "OFF"),
        ((0x6D, 0x06, 0x3F), "510"),
        ((0x38, 0, 0x06, 0x3F), "L 10"),
        ((0x39, 0x4F, 0x3F, 0x3F), "C300"),
        ((0x06, 0x5E, 0, 0x6D), "Id 5"),
        ((0x01, 0x40), "?-"),
    ],
)
def test_a_glyph_is_a_letter_where_a_word_goes_on(patterns, text):
    assert reading(patterns) == text
