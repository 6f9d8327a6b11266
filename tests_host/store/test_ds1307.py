"""The model of the DS1307: registers, calendar, RAM, battery, and what it refuses."""

from tests_host.sim.support import NO_TIMES, Clock, read, read_over_a_second, refuses, write
from tools.seconds import DAY
from tools.sim.chips.ds1307 import Ds1307
from tools.sim.parts import ChipError


def make():
    clock = Clock()
    chip = Ds1307(clock)
    chip.power_on()
    return clock, chip


def test_first_power_on():
    clock, chip = make()
    clock.pass_s(100)
    assert read(chip, 7, 0) == bytes([0x80, 0, 0, 1, 1, 1, 0])
    assert not chip.valid


def test_the_time_runs_through_the_end_of_a_year_and_a_leap_day():
    clock, chip = make()
    write(chip, 0, 0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x23)
    clock.pass_s(1)
    assert read(chip, 7, 0) == bytes([0x00, 0x00, 0x00, 1, 0x01, 0x01, 0x24])
    clock.pass_s(59 * DAY)
    assert read(chip, 2, 4) == bytes([0x29, 0x02])
    assert chip.valid


def test_twelve_hours():
    clock, chip = make()
    for written, hour in ((0x52, 0), (0x41, 1), (0x72, 12), (0x71, 23)):
        write(chip, 0, 0, 0, written, 1, 0x01, 0x01, 0x20)
        assert read(chip, 1, 2) == bytes([written])
        assert chip.seconds % DAY == hour * 3600
    write(chip, 0, 0x59, 0x59, 0x71, 1, 0x01, 0x01, 0x20)
    clock.pass_s(1)
    assert read(chip, 1, 2) == bytes([0x52])


def test_halting_stops_the_time():
    clock, chip = make()
    write(chip, 0, 0x30, 0, 0, 1, 0x01, 0x01, 0x20)
    write(chip, 0, 0xB0)
    clock.pass_s(50)
    assert read(chip, 2, 0) == bytes([0xB0, 0])
    write(chip, 0, 0x30)
    clock.pass_s(50)
    assert read(chip, 2, 0) == bytes([0x20, 1])


def test_a_read_is_of_one_instant():
    clock, chip = make()
    write(chip, 0, 0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x23)
    time = [0x59, 0x59, 0x23, 7, 0x31, 0x12, 0x23]
    assert read_over_a_second(clock, chip) == bytes(time)


def test_ram_is_kept_by_the_battery_and_wraps_to_the_seconds():
    clock, chip = make()
    write(chip, 0, 0, 0, 0, 1, 0x01, 0x01, 0x20)
    write(chip, 0x3E, 0xAA, 0xBB)
    chip.power_off()
    clock.pass_s(60)
    chip.power_on()
    assert read(chip, 4, 0x3E) == bytes([0xAA, 0xBB, 0x00, 0x01])
    copy = Ds1307(clock)
    copy.load(chip.dump())
    assert read(copy, 4, 0x3E) == bytes([0xAA, 0xBB, 0x00, 0x01])


def test_without_battery_all_is_gone():
    _, chip = make()
    write(chip, 0, 0, 0, 0, 1, 0x01, 0x01, 0x20)
    write(chip, 8, 1, 2, 3)
    chip.lost()
    assert not chip.valid
    assert read(chip, 3, 8) != bytes([1, 2, 3])


def test_what_it_refuses():
    for registers in NO_TIMES:
        refuses(ChipError, write, make()[1], 0, *registers)
    refuses(ChipError, write, make()[1], 0x40)


def test_it_may_run_fast_and_be_moved():
    clock, chip = make()
    write(chip, 0, 0, 0, 0, 1, 0x01, 0x01, 0x20)
    start = chip.seconds
    chip.set_rate(1_100_000)
    clock.pass_s(1000)
    assert chip.seconds - start == 1100
    chip.set(-100)
    assert chip.seconds - start == 1000
