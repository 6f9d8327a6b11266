"""The identity of the tiny unit, where the simulator looks for one."""


class Identity:
    """A serial number; the key is of no interest here."""

    def __init__(self, serial, key, *_rest):
        if not serial:
            raise ValueError("no serial number")
        self.serial = serial

    def __eq__(self, other):
        return self.serial == other.serial
