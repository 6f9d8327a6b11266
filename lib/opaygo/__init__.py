"""OpenPAYGO Token v2.3, the unit's side: are these digits a token, used before, worth what?

Pure: no clock, no pins, no files. The same bytes run under MicroPython and CPython. See judge().
"""

# ruff: noqa: F401 (what is imported here is the package's face)
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
