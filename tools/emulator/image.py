"""MicroPython's image for the emulated Pico: a named image, or the official image."""

import atexit
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.station.images import ImageError, find

VARIABLE = "MICROPYTHON_UF2"


class NoPicoError(Exception):
    """No emulated Pico is available; the text gives reason and remedy."""


def find_image(named: str | None = None, say: Callable[[str], None] = lambda text: None) -> str:
    """Return the path of a checked image: `named`, else the environment's MICROPYTHON_UF2, else
    official.

    Raises NoPicoError.
    """
    try:
        import rp2040py  # noqa: F401
    except ImportError:
        raise NoPicoError("the emulator rp2040py is not installed; `make setup` does it") from None
    named = named or os.environ.get(VARIABLE)
    try:
        data = find("pico", say, named)
    except ImageError as error:
        raise NoPicoError(f"{error}; or in the variable {VARIABLE}") from error
    return str(named) if named else _kept(data)


def _kept(data: bytes) -> str:
    descriptor, path = tempfile.mkstemp(suffix=".uf2")
    atexit.register(lambda: Path(path).unlink(missing_ok=True))
    with open(descriptor, "wb") as file:
        file.write(data)
    return path
