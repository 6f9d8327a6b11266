"""What the simulator's own tests share; for CPython and MicroPython."""


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
