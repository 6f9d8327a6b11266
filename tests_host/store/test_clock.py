"""The clock chips' drivers against their register-level models, on CPython and on MicroPython."""

import random

import micropython

from firmware.clock import DS1307, DS3231, date_since_2020, days_since_2020
from tests_host.sim.support import refuses
from tests_host.store.chip_on_bus import ChipOnBus, Registers
from tools.seconds import DAY
from tools.sim.chips.ds1307 import Ds1307
from tools.sim.chips.ds3231 import Ds3231
from tools.sim.parts import ChipError, date_of, day_number

NOON = 200_000_000 // DAY * DAY + DAY // 2
YEARS = range(2020, 2100)
BOTH = ((DS3231, Ds3231), (DS1307, Ds1307))


def clocks():
    """(driver, wired) for each chip."""
    for driver, model in BOTH:
        wired = ChipOnBus(lambda clock, _steps, model=model: model(clock))
        wired.chip.power_on()
        yield driver(wired.bus), wired


def test_a_new_chip_has_no_time():
    for clock, _ in clocks():
        assert clock.read() is None
        assert not clock.valid()


def test_it_reads_what_was_set_and_runs_on():
    for clock, wired in clocks():
        for seconds in (0, 1, 59, NOON, 59 * DAY, 60 * DAY - 1, 366 * DAY - 1, 29_219 * DAY):
            clock.set(seconds)
            assert clock.valid()
            assert clock.read() == seconds
            wired.pass_s(86_399)
            assert clock.read() == seconds + 86_399


def test_every_day_of_eighty_years():
    start = day_number(2020, 1, 1)
    for day in range(29_220):
        date = date_of(start + day)
        assert date_since_2020(day) == date
        assert days_since_2020(*date) == day


def test_twelve_hours():
    for clock, wired in clocks():
        clock.set(NOON)
        for hour in range(24):
            hours = 0x40 | (0x20 if hour >= 12 else 0)
            number = (hour + 11) % 12 + 1
            wired.bus.writeto_mem(0x68, 2, bytes([hours | number // 10 << 4 | number % 10]))
            assert clock.read() % DAY // 3600 == hour


def test_one_burst_never_mixes_two_seconds():
    for clock, wired in clocks():
        clock.set(366 * DAY - 1)
        set_at = wired.world.now
        wired.pass_us(1_000_000 - 3_000)
        for _ in range(8):
            wired.bus.made.clear()
            before = (wired.world.now - set_at) // 1_000_000
            seconds = clock.read()
            after = (wired.world.now - set_at) // 1_000_000
            assert wired.bus.made == ["readfrom_mem_into"] * 2  # the stop flag, then one burst
            assert 366 * DAY - 2 + before <= seconds <= 366 * DAY - 1 + after
            assert seconds in (366 * DAY - 1, 366 * DAY)


def test_a_lost_battery_is_told_until_the_time_is_set():
    for clock, wired in clocks():
        clock.set(NOON)
        wired.chip.lost()
        wired.chip.power_off()
        wired.chip.power_on()
        assert not clock.valid()
        assert clock.read() is None
        clock.set(NOON)
        assert clock.read() == NOON


def test_the_time_goes_on_without_supply():
    for clock, wired in clocks():
        clock.set(NOON)
        wired.chip.power_off()
        wired.pass_s(3 * DAY)
        wired.chip.power_on()
        assert clock.read() == NOON + 3 * DAY


def test_a_set_that_is_cut_leaves_no_valid_time():
    for clock, wired in clocks():
        calls = []

        def cut_second(*arguments, calls=calls, write=wired.bus.writeto_mem):
            calls.append(arguments)
            if len(calls) == 2:
                raise OSError(5)
            write(*arguments)

        wired.bus.writeto_mem = cut_second
        refuses(OSError, clock.set, NOON)
        assert len(calls) == 2
        assert not clock.valid()


def test_ds3231_runs_on_its_battery_once_set():
    clock, wired = next(clocks())
    clock.set(NOON)
    wired.bus.writeto_mem(0x68, 0x0E, b"\x80")  # EOSC: stop when the supply goes
    wired.chip.power_off()
    wired.chip.power_on()
    assert clock.read() is None  # the date is plausible, but the stop flag is up
    clock.set(NOON)
    wired.chip.power_off()
    wired.pass_s(60)
    wired.chip.power_on()
    assert clock.read() == NOON + 60


def test_noise_is_no_time_out_of_range():
    random.seed(4)
    for driver, _ in BOTH:
        registers = Registers(64)
        clock = driver(registers)
        for _ in range(3000):
            for at in range(64):
                registers.content[at] = random.getrandbits(8)
            seconds = clock.read()
            assert seconds is None or 0 <= seconds < 29_220 * DAY + DAY


def test_a_silent_chip_is_an_oserror():
    for clock, wired in clocks():
        clock.set(NOON)
        wired.unplug()
        refuses(OSError, clock.read)
        refuses(OSError, clock.valid)
        refuses(OSError, clock.set, NOON)


def test_a_ds1307_is_not_driven_faster_than_it_can():
    wired = ChipOnBus(lambda clock, _steps: Ds1307(clock), freq=400_000)
    refuses(ChipError, DS1307(wired.bus).read)


def test_reading_allocates_nothing():
    for driver, _ in BOTH:
        registers = Registers(64)
        clock = driver(registers)
        clock.set(NOON)
        for work in (clock.read, clock.valid):
            micropython.heap_lock()
            work()
            micropython.heap_unlock()
        assert clock.read() == NOON
