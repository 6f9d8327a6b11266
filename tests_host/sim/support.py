"""Helpers of the simulator's own tests, for CPython and MicroPython."""

NO_TIMES = (
    (0x60, 0, 0, 1, 1, 1, 0),
    (0x0A, 0, 0, 1, 1, 1, 0),
    (0x1A, 0, 0, 1, 1, 1, 0),
    (0, 0, 0x24, 1, 1, 1, 0),
    (0, 0, 0x40, 1, 1, 1, 0),
    (0, 0, 0, 0, 1, 1, 0),
    (0, 0, 0, 1, 0x30, 0x02, 0x24),
    (0, 0, 0, 1, 1, 0x13, 0),
    (0, 0, 0, 1, 0, 1, 0),
)
"""Time registers that a clock chip has to refuse."""


class Clock:
    """A world's time to turn by hand: call it for the microseconds."""

    def __init__(self):
        self.us = 0

    def __call__(self):
        return self.us

    def pass_s(self, seconds):
        """Let seconds pass."""
        self.us += seconds * 1_000_000


def refuses(error, call, *arguments, **options):
    """Assert that the call raises this error; return it."""
    try:
        call(*arguments, **options)
    except error as raised:
        return raised
    raise AssertionError("not refused")


def mirror(chip):
    """Return an image of a memory that follows each change the memory tells."""
    image = bytearray(chip.dump())

    def record(offset, data):
        image[offset : offset + len(data)] = data

    chip.record = record
    return image


def write(chip, *data):
    """Write bytes to an I2C chip, as a master does; return how many it acknowledged."""
    if not chip.start(False):
        chip.stop()
        return 0
    acks = 1
    for byte in data:
        acks += 1 if chip.write(byte) else 0
    chip.stop()
    return acks


def read(chip, count, *address):
    """Write the address bytes, start again, read `count` bytes."""
    if address:
        assert chip.start(False)
        for byte in address:
            assert chip.write(byte)
    assert chip.start(True)
    data = bytes([chip.read() for _ in range(count)])
    chip.stop()
    return data


def read_over_a_second(clock, chip):
    """Read a clock chip's seven time registers, six of them a second after the first."""
    assert chip.start(False) and chip.write(0) and chip.start(True)
    first = chip.read()
    clock.pass_s(1)
    data = bytes([first] + [chip.read() for _ in range(6)])
    chip.stop()
    return data
