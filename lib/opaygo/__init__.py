"""OpenPAYGO Token v2.3, the unit's side: is an entry a token, was the token used before, what is
the token worth?

Pure: no clock, no pins, no files. MicroPython and CPython run the same bytes. See judge().
"""

# ruff: noqa: F401 (the imports are the package's public names)
from .chain import siphash24
from .decoder import Device, judge, judging
from .state import (
    PACKED_SIZE,
    DeviceError,
    OpaygoError,
    StateError,
    TokenError,
    closed,
    new_state,
    pack,
    unpack,
)
