"""The character display: woken in the right order, never hurried, and what is on the glass."""

from tests_host.sim.support import Clock, refuses
from tools.sim.chips.hd44780 import (
    FIRST_US,
    LONG_US,
    SHORT_US,
    WAKE_US,
    WRITE_US,
    Backpack,
    Hd44780,
)
from tools.sim.parts import ChipError


class DrivenDisplay:
    """A display behind its backpack, and a driver that waits as long as the datasheet says."""

    def __init__(self):
        self.clock = Clock()
        self.glass = Hd44780(self.clock)
        self.chip = Backpack(self.glass)
        self.glass.power_on()
        self.chip.write(0x08)

    def nibble(self, value, rs=0):
        for pins in (value << 4 | 0x0C | rs, value << 4 | 0x08 | rs):
            self.chip.write(pins)

    def byte(self, value, rs=0, wait=LONG_US):
        self.nibble(value >> 4, rs)
        self.nibble(value & 15, rs)
        self.clock.us += wait

    def wake(self):
        self.clock.us += WAKE_US
        for value, wait in ((3, FIRST_US), (3, 100), (3, SHORT_US), (2, SHORT_US)):
            self.nibble(value)
            self.clock.us += wait
        for command in (0x28, 0x08, 0x01, 0x06, 0x0C):
            self.byte(command)
        return self

    def text(self, words):
        for character in words:
            self.byte(ord(character), 1, WRITE_US)


def test_nothing_on_the_glass_before_the_display_is_switched_on():
    panel = DrivenDisplay()
    assert panel.glass.lines() == [" " * 16] * 2


def test_text_lands_where_the_address_says():
    panel = DrivenDisplay().wake()
    panel.text("Valid")
    panel.byte(0xC0 + 3)
    panel.text("7 days")
    assert panel.glass.lines() == ["Valid" + " " * 11, "   7 days" + " " * 7]


def test_the_display_can_be_blanked_and_keeps_its_text():
    panel = DrivenDisplay().wake()
    panel.text("Free")
    panel.byte(0x08)
    assert panel.glass.lines() == [" " * 16] * 2
    panel.byte(0x0C)
    assert panel.glass.lines()[0].startswith("Free")


def test_the_light_is_not_the_glass():
    panel = DrivenDisplay().wake()
    panel.text("Free")
    assert panel.chip.backlight
    panel.chip.write(0x00)
    assert not panel.chip.backlight
    assert panel.glass.lines()[0].startswith("Free")


def test_clear_and_home():
    panel = DrivenDisplay().wake()
    panel.text("abc")
    panel.byte(0x02)
    panel.text("X")
    assert panel.glass.lines()[0].startswith("Xbc")
    panel.byte(0x01)
    assert panel.glass.lines()[0] == " " * 16


def test_writing_leftwards_and_beyond_the_end():
    panel = DrivenDisplay().wake()
    panel.byte(0x04)
    panel.byte(0x80 + 2)
    panel.text("abc")
    assert panel.glass.lines()[0].startswith("cba")
    panel.byte(0x06)
    panel.byte(0x80 + 39)
    panel.text("xy")  # the first line's end is followed by the second line
    assert panel.glass.lines()[1].startswith("y")


def test_own_glyphs_do_not_disturb_the_text():
    panel = DrivenDisplay().wake()
    panel.byte(0x40)
    for row in range(8):
        panel.byte(row, 1, WRITE_US)
    panel.byte(0x80)
    panel.text("ok")
    assert panel.glass.lines()[0].startswith("ok")


def test_the_rom_is_not_ascii_everywhere():
    panel = DrivenDisplay().wake()
    panel.text("a\\~\xdf\x00")
    assert panel.glass.lines()[0].rstrip() == "a\xa5→°?"


def test_power_loss_forgets_all():
    panel = DrivenDisplay().wake()
    panel.text("Free")
    panel.glass.power_off()
    panel.chip.power_off()
    panel.glass.power_on()
    panel.chip.power_on()
    assert panel.glass.lines()[0] == " " * 16
    panel.wake()
    assert panel.glass.lines()[0] == " " * 16


def test_a_restarted_driver_can_set_it_up_again_at_any_nibble():
    for left_over in (None, 0, 4):
        panel = DrivenDisplay().wake()
        panel.text("old")
        if left_over is not None:
            panel.nibble(left_over, 1)
        panel.wake()
        panel.text("new")
        assert panel.glass.lines()[0].startswith("new ")


def test_it_must_not_be_woken_too_early():
    panel = DrivenDisplay()
    panel.clock.us += WAKE_US - 1
    refuses(ChipError, panel.nibble, 3)


def test_each_wait_of_the_initialisation_matters():
    waits = (WAKE_US, FIRST_US, 100, SHORT_US, SHORT_US)
    for short in range(len(waits)):
        panel = DrivenDisplay()
        panel.clock.us += waits[0] - (short == 0)
        try:
            for step, value in enumerate((3, 3, 3, 2)):
                panel.nibble(value)
                panel.clock.us += waits[step + 1] - (short == step + 1)
            panel.nibble(2)
        except ChipError:
            continue
        raise AssertionError(f"wait {short} may be cut short")


def test_four_bits_without_initialisation_are_refused():
    panel = DrivenDisplay()
    panel.clock.us += WAKE_US
    refuses(ChipError, panel.nibble, 2)
    refuses(ChipError, panel.nibble, 0)
    refuses(ChipError, panel.nibble, 3, 1)


def test_three_function_sets_come_before_four_bits():
    for sets in (1, 2):
        panel = DrivenDisplay()
        panel.clock.us += WAKE_US
        for _ in range(sets):
            panel.nibble(3)
            panel.clock.us += FIRST_US
        refuses(ChipError, panel.nibble, 2)


def test_it_must_not_be_hurried():
    panel = DrivenDisplay().wake()
    panel.byte(0x01, wait=LONG_US - 1)
    refuses(ChipError, panel.nibble, 4, 1)
    panel.clock.us += 1
    panel.byte(ord("a"), 1, wait=WRITE_US - 1)
    refuses(ChipError, panel.nibble, 4, 1)
    panel.clock.us += 1
    panel.byte(0x80, wait=SHORT_US - 1)
    refuses(ChipError, panel.nibble, 4, 1)


def test_what_is_not_modelled_is_refused_aloud():
    for command in (0x18, 0x05, 0x00, 0xA8, 0xE8, 0x2C):
        panel = DrivenDisplay().wake()
        refuses(ChipError, panel.byte, command)


def test_data_must_stay_while_e_falls():
    panel = DrivenDisplay().wake()
    panel.chip.write(0x4C)
    refuses(ChipError, panel.chip.write, 0x58)
    panel = DrivenDisplay().wake()
    panel.chip.write(0x4C)
    refuses(ChipError, panel.chip.write, 0x49)


def test_the_port_reads_back_but_the_display_does_not():
    panel = DrivenDisplay()
    assert panel.chip.start(True)
    assert panel.chip.read() == 0x08
    panel.chip.write(0x0A)
    refuses(ChipError, panel.chip.read)
