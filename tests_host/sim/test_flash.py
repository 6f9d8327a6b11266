"""NOR flash: bits fall one by one and rise by the sector; what is cut is torn."""

from tests_host.sim.support import mirror, refuses
from tools.sim.chips.flash import EIO, ERASE_US, PAGE, PROGRAM_US, SECTOR, Flash
from tools.sim.parts import ChipError, PowerCut, Steps


def make(sectors=4):
    steps = Steps()
    return steps, Flash(steps, None, sectors)


def content(flash, offset, length):
    buffer = bytearray(length)
    flash.read(offset, buffer)
    return bytes(buffer)


def test_new_flash_is_blank():
    assert content(make()[1], 0, 4 * SECTOR) == b"\xff" * 4 * SECTOR


def test_programming_only_clears_bits():
    flash = make()[1]
    flash.program(PAGE, bytes([0b1100] * PAGE))
    flash.program(PAGE, bytes([0b1010] * PAGE))
    assert content(flash, PAGE, PAGE) == bytes([0b1000] * PAGE)
    assert content(flash, 0, PAGE) == b"\xff" * PAGE
    flash.erase(0)
    assert content(flash, 0, SECTOR) == b"\xff" * SECTOR
    assert flash.erases == [1, 0, 0, 0]


def test_reading_crosses_sectors():
    flash = make()[1]
    flash.program(SECTOR - PAGE, bytes(PAGE))
    flash.program(SECTOR, b"\x11" * PAGE)
    assert content(flash, SECTOR - 2, 4) == b"\0\0\x11\x11"


def test_only_whole_pages_of_existing_sectors_are_programmed():
    flash = make()[1]
    refuses(ChipError, flash.program, 1, bytes(PAGE))
    refuses(ChipError, flash.program, 0, bytes(PAGE - 1))
    refuses(ChipError, flash.program, 4 * SECTOR, bytes(PAGE))
    refuses(ChipError, flash.erase, 4)


def test_a_torn_program_is_old_behind_and_new_before():
    steps, flash = make()
    steps.arm(1)
    refuses(PowerCut, flash.program, 0, bytes(PAGE))
    half = PAGE // 2
    assert content(flash, 0, PAGE) == bytes(half) + b"\x55" + b"\xff" * (half - 1)


def test_a_program_is_torn_at_any_byte():
    for at in (0, 1, 255, 256):
        steps, flash = make()
        steps.arm(1, at)
        refuses(PowerCut, flash.program, 0, bytes(PAGE))
        done = content(flash, 0, PAGE)
        assert done[:at] == bytes(at)
        assert done[at + 1 :] == b"\xff" * (PAGE - at - 1)


def test_a_torn_erase_leaves_the_rest():
    steps, flash = make()
    flash.program(0, bytes(SECTOR))
    steps.arm(1, 1000)
    refuses(PowerCut, flash.erase, 0)
    assert content(flash, 0, SECTOR) == b"\xff" * 1000 + b"\x55" + bytes(SECTOR - 1001)


def test_each_page_and_each_sector_is_a_step_and_takes_its_time():
    took = []
    steps = Steps()
    flash = Flash(steps, took.append, 2)
    flash.program(0, bytes(3 * PAGE))
    flash.erase(1)
    assert steps.done == 4
    assert took == [PROGRAM_US] * 3 + [ERASE_US]


def test_the_block_protocol():
    flash = make()[1]
    device = flash.device()
    assert (device.ioctl(4, 0), device.ioctl(5, 0)) == (4, SECTOR)
    assert [device.ioctl(operation, 0) for operation in (1, 2, 3)] == [0, 0, 0]
    assert device.ioctl(99, 0) is None
    device.writeblocks(1, bytes(range(256)) * 16)
    buffer = bytearray(4)
    device.readblocks(1, buffer, 300)
    assert bytes(buffer) == bytes([44, 45, 46, 47])
    assert device.ioctl(6, 1) == 0
    device.readblocks(1, buffer)
    assert bytes(buffer) == b"\xff" * 4
    assert flash.erases == [0, 2, 0, 0]
    device.writeblocks(2, bytes(PAGE), PAGE)
    assert content(flash, 2 * SECTOR + PAGE, PAGE) == bytes(PAGE)
    assert flash.erases == [0, 2, 0, 0]


def test_a_device_is_dead_after_a_cut_and_harmless_after_its_unplugging():
    steps, flash = make()
    device = flash.device()
    steps.arm(1)
    refuses(PowerCut, device.ioctl, 6, 0)
    refuses(PowerCut, device.readblocks, 0, bytearray(4))
    refuses(PowerCut, device.writeblocks, 0, bytes(PAGE), 0)
    device.unplug()
    assert device.readblocks(0, bytearray(4)) == -EIO
    assert device.writeblocks(0, bytes(PAGE), 0) == -EIO
    assert device.ioctl(6, 0) == -EIO
    assert flash.erases == [1, 0, 0, 0]
    assert steps.done == 1


def test_images():
    flash = make()[1]
    flash.program(SECTOR, bytes(PAGE))
    image = flash.dump()
    other = make()[1]
    other.load(image)
    assert other.dump() == image
    refuses(ValueError, other.load, image[1:])
    other.wipe()
    assert other.dump() == b"\xff" * 4 * SECTOR


def test_every_change_is_told():
    flash = make()[1]
    image = mirror(flash)
    flash.program(SECTOR, bytes(PAGE))
    assert image == flash.dump()
    flash.program(2 * SECTOR, bytes(2 * PAGE))
    flash.erase(1)
    assert image == flash.dump()
    flash.wipe()
    assert image == flash.dump()
