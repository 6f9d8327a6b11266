"""AT24C32: pages, write cycles, torn page writes."""

from tests_host.sim.support import Clock, mirror, read, refuses, write
from tools.sim.chips.at24c32 import WRITE_US, At24c32
from tools.sim.parts import ChipError, PowerCut, Steps


def make():
    clock, steps = Clock(), Steps()
    return clock, steps, At24c32(clock, steps)


def test_a_new_chip_is_blank():
    chip = make()[2]
    assert read(chip, 4, 0x0F, 0xFE) == b"\xff" * 4


def test_what_is_written_can_be_read_after_the_cycle():
    clock, steps, chip = make()
    assert write(chip, 0x01, 0x23, 1, 2, 3) == 6
    clock.us += WRITE_US
    assert read(chip, 4, 0x01, 0x23) == b"\1\2\3\xff"
    assert steps.done == 1


def test_it_is_deaf_during_the_write_cycle():
    clock, _, chip = make()
    write(chip, 0, 0, 1)
    clock.us += WRITE_US - 1
    assert not chip.start(False)
    assert not chip.start(True)
    clock.us += 1
    assert chip.start(False)


def test_a_write_wraps_inside_its_page():
    clock, _, chip = make()
    write(chip, 0, 62, 1, 2, 3, 4)
    clock.us += WRITE_US
    assert read(chip, 2, 0, 62) == b"\1\2"
    assert read(chip, 3, 0, 32) == b"\3\4\xff"
    write(chip, 0, 64, *range(40))
    clock.us += WRITE_US
    assert read(chip, 32, 0, 64) == bytes(list(range(32, 40)) + list(range(8, 32)))


def test_the_address_stays_in_the_page_after_a_write():
    clock, _, chip = make()
    write(chip, 0, 0, 5)
    clock.us += WRITE_US
    write(chip, 0, 31, 6)
    clock.us += WRITE_US
    assert read(chip, 1) == b"\5"


def test_reading_goes_on_across_pages_and_around():
    clock, _, chip = make()
    write(chip, 0, 0, 9)
    clock.us += WRITE_US
    assert read(chip, 3, 0x0F, 0xFE) == b"\xff\xff\x09"
    assert read(chip, 1) == b"\xff"


def test_an_address_alone_writes_nothing():
    _, steps, chip = make()
    write(chip, 0, 5)
    write(chip)
    assert steps.done == 0
    assert chip.start(False)


def test_a_repeated_start_instead_of_a_stop_drops_the_data():
    _, steps, chip = make()
    chip.start(False)
    for byte in (0, 0, 7):
        chip.write(byte)
    assert read(chip, 1, 0, 0) == b"\xff"
    assert steps.done == 0


def test_a_byte_without_a_start_is_refused():
    refuses(ChipError, make()[2].write, 1)


def test_a_torn_page_write_is_new_before_and_old_behind():
    for at in range(5):
        clock, steps, chip = make()
        write(chip, 0, 0, 0, 0, 0, 0)
        clock.us += WRITE_US
        steps.arm(1, at)
        refuses(PowerCut, write, chip, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF)
        chip.power_off()
        half = b"\x55" if at < 4 else b""
        assert read(chip, 4, 0, 0) == b"\xff" * at + half + bytes(3 - at if at < 4 else 0)


def test_power_lost_during_the_cycle_tears_too():
    clock, _, chip = make()
    write(chip, 0, 0, 1, 2, 3, 4)
    clock.us += WRITE_US // 2
    chip.power_off()
    assert read(chip, 4, 0, 0) == b"\1\2\xff\xff"
    write(chip, 0, 0, 5, 6)
    clock.us += WRITE_US
    chip.power_off()
    assert read(chip, 2, 0, 0) == b"\5\6"


def test_images_and_records():
    chip = make()[2]
    image = mirror(chip)
    write(chip, 0, 30, 1, 2, 3)
    assert chip.dump() == image
    assert image[30:33] == b"\1\2\xff"
    other = make()[2]
    other.load(bytes(image))
    assert other.dump() == image
    refuses(ValueError, other.load, b"")
