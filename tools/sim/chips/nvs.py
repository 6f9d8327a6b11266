"""`esp32.NVS`: ESP-IDF's key-value store in the ESP32's own flash.

Models the documented behaviour, not the pages in flash: keys and namespaces of at most 15
characters, blobs up to a limit set by the partition's size, a new value written before the old
value is erased, and no guarantee before `commit`.
"""

from tools.sim.parts import ChipError

LONGEST_NAME = 15
LONGEST_BLOB = 20_000  # bytes: 97.6 % of MicroPython's 24 KB partition less one page
ROOM = 5 * 126 * 32  # bytes of entries in five pages; the sixth is kept free
# ESP-IDF's errors, negative as in the port.
NOT_FOUND = -0x1102, "ESP_ERR_NVS_NOT_FOUND"
NOT_ENOUGH_SPACE = -0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE"
INVALID_NAME = -0x1106, "ESP_ERR_NVS_INVALID_NAME"
KEY_TOO_LONG = -0x1109, "ESP_ERR_NVS_KEY_TOO_LONG"
INVALID_LENGTH = -0x110C, "ESP_ERR_NVS_INVALID_LENGTH"
VALUE_TOO_LONG = -0x110E, "ESP_ERR_NVS_VALUE_TOO_LONG"


class Partition:
    """The flash behind `NVS`. Each `set_blob`, `erase_key` and `commit` is a step.

    A step cut before the first byte leaves the old value, after the last byte the new value. In
    between, the lowest bit of the byte number decides.

    `steps`: parts.Steps; `record`: called after each change, if set; `stored`: (namespace, key) ->
    bytes, as found after a reset; `eager`: values reach the flash before `commit`.
    """

    def __init__(self, steps):
        self.steps = steps
        self.record = None
        self.stored = {}
        self.eager = True

    def dump(self):
        """Return a copy of `stored`."""
        return dict(self.stored)

    def load(self, image):
        """Take the content from a dictionary made by `dump`."""
        self.stored = dict(image)


class Esp32:
    """The module `esp32`, of which only `NVS` is modelled."""

    def __init__(self, partition):
        self.NVS = lambda namespace: NVS(partition, namespace)


class NVS:
    """`esp32.NVS(namespace)` on `partition`."""

    def __init__(self, partition, namespace):
        if not 1 <= len(namespace) <= LONGEST_NAME:
            raise OSError(*INVALID_NAME)
        self._partition = partition
        self._namespace = namespace
        self._pending = {}

    def get_blob(self, key, buffer):
        """Read a value into a bytearray; return the length."""
        name = self._name(key)
        value = self._values().get(name)
        if value is None:
            raise OSError(*NOT_FOUND)
        if len(value) > len(buffer):
            raise OSError(*INVALID_LENGTH)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        """Set a value; to be followed by `commit`."""
        name, value = self._name(key), bytes(value)
        if len(value) > LONGEST_BLOB:
            raise OSError(*VALUE_TOO_LONG)
        values = self._values()
        values[name] = value  # beside the old value, erased only after this write
        used = sum(_entries(value) for value in values.values() if value is not None)
        if (used + _entries(value)) * 32 > ROOM:
            raise OSError(*NOT_ENOUGH_SPACE)
        self._change(name, value, len(value))

    def erase_key(self, key):
        """Erase a key; to be followed by `commit`."""
        name = self._name(key)
        if self._values().get(name) is None:
            raise OSError(*NOT_FOUND)
        self._change(name, None, 1)

    def commit(self):
        """Put all changes into flash before returning."""
        self._step(1, self._pending)
        self._pending = {}

    def _values(self):
        """Return stored values updated by those not yet committed; None stands
        for an erased key.
        """
        values = dict(self._partition.stored)
        values.update(self._pending)
        return values

    def _change(self, name, value, size):
        self._step(size, {name: value} if self._partition.eager else {})
        self._pending[name] = value

    def _step(self, size, values):
        partition = self._partition
        torn = partition.steps.take(size)
        if torn < 0 or torn == size or torn & 1:
            for name, value in values.items():
                if value is None:
                    partition.stored.pop(name, None)
                else:
                    partition.stored[name] = value
            if partition.record is not None:
                partition.record()
        if torn >= 0:
            partition.steps.cut()

    def _name(self, key):
        if not isinstance(key, str):
            raise TypeError("a key is a string")
        if not key:
            raise ChipError("an empty key")
        if len(key) > LONGEST_NAME:
            raise OSError(*KEY_TOO_LONG)
        return self._namespace, key


def _entries(value):
    return 2 + (len(value) + 31) // 32  # of 32 bytes: a chunk's header and the blob's index
