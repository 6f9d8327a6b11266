"""A unit whose power is cut at every step of everything that it stores. For MicroPython.

The rig's `time` takes the place of MicroPython's here, before any module of the firmware asks for
one.
"""

from tools.proofs.cuts import wires  # noqa: F401 (see above)
