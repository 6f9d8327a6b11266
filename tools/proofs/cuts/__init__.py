"""A unit whose power is cut at every step of every write. For MicroPython.

The rig's `time` replaces MicroPython's here, before any module of the firmware imports `time`.
"""

from tools.proofs.cuts import wires  # noqa: F401 (see above)
