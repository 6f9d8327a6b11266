"""MicroPython's module `micropython` for CPython, so that device code imports here too.

Only `tests_host/conftest.py` puts this directory on the path. MicroPython itself never sees it.
"""


def const(value):
    """Return `value`: a hint for the device's compiler, nothing more."""
    return value


def native(function):
    """Return `function`: machine code is the device's business."""
    return function


def viper(function):
    """Return `function`: the same source runs here on Python integers."""
    return function


def opt_level(level=None):
    """Accept and ignore an optimisation level; report 0 when asked."""
    return 0 if level is None else None


def heap_lock():
    """Do nothing: CPython cannot forbid allocation."""


def heap_unlock():
    """Do nothing, and report that no lock is left."""
    return 0


def heap_locked():
    """Report that the heap is never locked here."""
    return 0


def alloc_emergency_exception_buf(size):
    """Accept and ignore the size (bytes) of the buffer for exceptions in interrupts."""


def kbd_intr(character):
    """Accept and ignore the character that would interrupt; -1 is none."""


def mem_info(verbose=None):
    """Do nothing: there is no such heap to describe."""


def schedule(function, argument):
    """Call `function(argument)` at once: there is no interrupt to defer from."""
    function(argument)
