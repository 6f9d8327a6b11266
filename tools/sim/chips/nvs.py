"""`esp32.NVS`: the key-value store that ESP-IDF keeps in the ESP32's own flash.

A model of what its documentation promises, not of its pages: keys and namespaces of at most 15
characters, blobs up to a limit that the partition's size sets, a new value is written before the
old one is erased, and nothing is promised before `commit`.
"""

from tools.sim.parts import ChipError

LONGEST_NAME = 15
LONGEST_BLOB = 20_000  # bytes: 97.6 % of MicroPython's 24 KB partition less one page
ROOM = 5 * 126 * 32  # bytes of entries in its pages; one of them is kept free
# ESP-IDF's errors, with the sign that the port gives them.
NOT_FOUND = -0x1102, "ESP_ERR_NVS_NOT_FOUND"
NOT_ENOUGH_SPACE = -0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE"
INVALID_NAME = -0x1106, "ESP_ERR_NVS_INVALID_NAME"
KEY_TOO_LONG = -0x1109, "ESP_ERR_NVS_KEY_TOO_LONG"
INVALID_LENGTH = -0x110C, "ESP_ERR_NVS_INVALID_LENGTH"
VALUE_TOO_LONG = -0x110E, "ESP_ERR_NVS_VALUE_TOO_LONG"


class Partition:
    """The flash behind it. `steps` is parts.Steps; each `set_blob`, `erase_key` and `commit` is
    a step.

    A step that is cut leaves the old value if no byte of it was done, the new one if all were, and
    in between one or the other, as the lowest bit of the number says.

    `record`, when set, is called after each change.
    """

    def __init__(self, steps):
        self.steps = steps
        self.record = None
        self.stored = {}  # (namespace, key) -> bytes, what a reset finds
        self.eager = True  # a value may be in flash before `commit`; False: only after it

    def dump(self):
        """Return what a reset finds, as a dictionary of its own."""
        return dict(self.stored)

    def load(self, image):
        """Take the content from a dictionary that `dump` returned."""
        self.stored = dict(image)


class Esp32:
    """The module `esp32`: of it only `NVS`."""

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
        """Read into a bytearray; return the length."""
        name = self._name(key)
        value = self._values().get(name)
        if value is None:
            raise OSError(*NOT_FOUND)
        if len(value) > len(buffer):
            raise OSError(*INVALID_LENGTH)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        """Set; to be followed by `commit`."""
        name, value = self._name(key), bytes(value)
        if len(value) > LONGEST_BLOB:
            raise OSError(*VALUE_TOO_LONG)
        values = self._values()
        values[name] = value  # the old one goes only when this one is complete
        used = sum(_entries(value) for value in values.values() if value is not None)
        if (used + _entries(value)) * 32 > ROOM:
            raise OSError(*NOT_ENOUGH_SPACE)
        self._change(name, value, len(value))

    def erase_key(self, key):
        """Erase; to be followed by `commit`."""
        name = self._name(key)
        if self._values().get(name) is None:
            raise OSError(*NOT_FOUND)
        self._change(name, None, 1)

    def commit(self):
        """Changes are in flash when it returns."""
        self._step(1, self._pending)
        self._pending = {}

    def _values(self):
        """What is stored and what waits for its commit, where None stands for an erased key."""
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
