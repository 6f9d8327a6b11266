"""DS3231: registers, calendar, battery, and a clock that can be told wrong things."""

from tests_host.sim.support import NO_TIMES, Clock, read, read_over_a_second, refuses, write
from tools.seconds import DAY
from tools.sim.chips.ds3231 import CONTROL, OSF, STATUS, Ds3231
from tools.sim.parts import ChipError


def make():
    clock = Clock()
    chip = Ds3231(clock)
    chip.power_on()
    return clock, chip


def set_time(chip, *registers):
    write(chip, 0, *registers)
    write(chip, STATUS, 0)


def test_first_power_on():
    _, chip = make()
    assert read(chip, 7, 0) == bytes([0, 0, 0, 1, 1, 1, 0])
    assert read(chip, 2, CONTROL) == bytes([0x1C, 0x88])
    assert not chip.valid


def test_the_time_runs_in_bcd_through_the_end_of_a_year():
    clock, chip = make()
    set_time(chip, 0x58, 0x59, 0x23, 7, 0x31, 0x12, 0x24)
    clock.pass_s(1)
    assert read(chip, 7, 0) == bytes([0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x24])
    clock.pass_s(1)
    assert read(chip, 7, 0) == bytes([0x00, 0x00, 0x00, 1, 0x01, 0x01, 0x25])


def test_leap_day_and_century():
    clock, chip = make()
    set_time(chip, 0, 0, 0, 4, 0x28, 0x02, 0x24)
    clock.pass_s(DAY)
    assert read(chip, 2, 4) == bytes([0x29, 0x02])
    set_time(chip, 0x59, 0x59, 0x23, 4, 0x31, 0x12, 0x99)
    clock.pass_s(1)
    assert read(chip, 3, 4) == bytes([0x01, 0x81, 0x00])
    set_time(chip, 0, 0, 0, 4, 0x28, 0x82, 0x00)  # 2100 is no leap year
    clock.pass_s(DAY)
    assert read(chip, 2, 4) == bytes([0x01, 0x83])


def test_twelve_hours():
    clock, chip = make()
    for written, hour in ((0x52, 0), (0x41, 1), (0x72, 12), (0x71, 23)):
        set_time(chip, 0, 0, written, 1, 0x01, 0x01, 0x20)
        assert read(chip, 1, 2) == bytes([written])
        assert chip.seconds % DAY == hour * 3600
    set_time(chip, 0x59, 0x59, 0x71, 1, 0x01, 0x01, 0x20)  # 11:59:59 PM
    clock.pass_s(1)
    assert read(chip, 1, 2) == bytes([0x52])  # 12 AM


def test_a_read_is_of_one_moment():
    clock, chip = make()
    set_time(chip, 0x59, 0x59, 0x23, 1, 0x31, 0x12, 0x20)
    time = [0x59, 0x59, 0x23, 1, 0x31, 0x12, 0x20]
    assert read_over_a_second(clock, chip) == bytes(time)


def test_the_pointer_wraps_behind_0x12():
    _, chip = make()
    set_time(chip, 0x11, 0x22, 0x03, 1, 0x01, 0x01, 0x20)
    assert read(chip, 3, 0x12) == bytes([0, 0x11, 0x22])


def test_no_valid_time_no_acceptance():
    for registers in NO_TIMES:
        refuses(ChipError, write, make()[1], 0, *registers)
    refuses(ChipError, write, make()[1], 0x13, 0)


def test_flags_can_only_be_cleared():
    _, chip = make()
    write(chip, STATUS, 0xFF)
    assert read(chip, 1, STATUS) == b"\x88"
    write(chip, STATUS, 0x00)
    assert chip.valid
    write(chip, STATUS, 0xFF)
    assert read(chip, 1, STATUS) == b"\x08"


def test_alarm_registers_are_memory_and_the_temperature_is_not():
    _, chip = make()
    write(chip, 0x07, 1, 2, 3, 4)
    write(chip, 0x11, 77)
    assert read(chip, 4, 0x07) == b"\1\2\3\4"
    assert read(chip, 1, 0x11) == b"\x19"
    refuses(ChipError, write, chip, CONTROL, 0x05)


def test_the_battery_keeps_time_and_registers():
    clock, chip = make()
    set_time(chip, 0, 0, 0, 1, 0x01, 0x01, 0x25)
    write(chip, 7, 0xAA)
    before = chip.seconds
    chip.power_off()
    clock.pass_s(1000)
    chip.power_on()
    assert chip.valid
    assert chip.seconds == before + 1000
    assert read(chip, 1, 7) == b"\xaa"


def test_a_stopped_oscillator_says_so():
    clock, chip = make()
    set_time(chip, 0, 0, 0, 1, 0x01, 0x01, 0x25)
    write(chip, CONTROL, 0x9C)
    before = chip.seconds
    clock.pass_s(5)
    chip.power_off()
    clock.pass_s(1000)
    chip.power_on()
    assert not chip.valid
    assert chip.seconds == before + 5


def test_a_dead_battery_loses_everything_now_and_at_each_cut():
    clock, chip = make()
    set_time(chip, 0, 0, 0, 1, 0x01, 0x01, 0x25)
    chip.lost()
    assert (chip.seconds, chip.valid) == (0, False)
    clock.pass_s(10)
    assert chip.seconds == 10
    write(chip, STATUS, 0)
    chip.power_off()
    clock.pass_s(1000)
    assert (chip.seconds, chip.valid) == (0, False)
    chip.power_on()
    clock.pass_s(1)
    assert chip.seconds == 1


def test_moving_it_moves_nothing_else():
    _, chip = make()
    chip.setup(1000)
    chip.set(500)
    assert (chip.seconds, chip.valid) == (1500, True)
    chip.set(-2000)
    assert chip.seconds == 0


def test_a_rate_of_its_own():
    clock, chip = make()
    chip.setup(0)
    chip.set_rate(1_050_000)
    clock.pass_s(1000)
    assert chip.seconds == 1050
    chip.set_rate(0)
    clock.pass_s(1000)
    assert chip.seconds == 1050
    chip.set_rate(1_000_000)
    clock.pass_s(1000)
    assert chip.seconds == 2050


def test_writing_the_seconds_starts_a_whole_one():
    clock, chip = make()
    chip.setup(0)
    clock.us += 900_000
    write(chip, 0, 0x00)
    clock.us += 900_000
    assert chip.seconds == 0
    write(chip, 1, 0x05)  # the minutes alone do not touch the running second
    clock.us += 100_000
    assert chip.seconds == 301


def test_it_can_be_put_away_and_taken_out():
    clock, chip = make()
    set_time(chip, 0, 0, 0x41, 3, 0x05, 0x06, 0x25)
    write(chip, 7, 1, 2, 3)
    chip.set_rate(900_000)
    image = chip.dump()
    clock.pass_s(5000)
    other = Ds3231(clock)
    other.load(image)
    assert other.dump() == image
    assert read(other, 10, 0) == bytes([0, 0, 0x41, 3, 0x05, 0x06, 0x25, 1, 2, 3])
    refuses(ValueError, other.load, image[:20])
    assert other.valid and not chip.dump()[STATUS] & OSF
