"""MicroPython's official images: downloaded once, kept, checked before use on a board."""

import http.client
import os
import struct
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.boards import BOARDS as TARGETS
from tools.station.versions import TESTED, VersionError, check_version, version_of, words

VERSION = words(TESTED) + ".0"
DOWNLOADS = "https://micropython.org/resources/firmware/"
IMAGES = {
    "pico": f"RPI_PICO-20260406-v{VERSION}.uf2",
    "pico_w": f"RPI_PICO_W-20260406-v{VERSION}.uf2",
    "esp32": f"ESP32_GENERIC-20260406-v{VERSION}.bin",
}
PATIENCE = 20  # seconds without an answer from the download site

# UF2: https://github.com/microsoft/uf2
_UF2 = struct.Struct("<8I476sI")
_UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_NOT_FLASH, _HAS_FAMILY = 0x0001, 0x2000
_RP2040 = 0xE48BFF56
_PAGE = 256
_FLASH = range(0x1000_0000, 0x1020_0000)  # the Pico's 2 MB
# ESP32: "Firmware image format" in esptool's documentation
_ESP_MAGIC, _ESP32 = 0xE9, 0
_ESP32_PLACE = 0x1000  # where a combined image begins
_ESP32_FLASH = 4 << 20


class ImageError(Exception):
    """There is no image, or the image is not for this board; the text says what to do."""


def find(
    board: str,
    say: Callable[[str], None],
    image: str | Path | None = None,
    cache: Path | None = None,
    insisted: bool = False,
) -> bytes:
    """Return the bytes of `image`, a path, or of the official image for `board`.

    insisted: an image of an untested version will do.
    The official image is downloaded into directory `cache` (the user's cache directory if None)
    unless found there. Raises ImageError.
    """
    if image:
        try:
            return _checked(board, Path(image).read_bytes(), image, insisted)
        except OSError as error:
            raise ImageError(f"{image} cannot be read: {error.strerror or error}") from error
    cache = cache or _cache()
    kept = cache / IMAGES[board]
    if kept.is_file():
        return _checked(board, kept.read_bytes(), kept)
    url = DOWNLOADS + IMAGES[board]
    say(f"Downloading {url}")
    data = _checked(board, _download(url), url)
    cache.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_bytes(data)
    part.replace(kept)
    return data


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "payg-controller"


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return bytes(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise ImageError(
            f"{url} cannot be downloaded ({getattr(error, 'reason', error)}). Without a network:"
            " get this file on another computer and name it with --image FILE"
        ) from error


def _checked(board: str, data: bytes, name: str | Path, insisted: bool = False) -> bytes:
    is_uf2 = TARGETS[board].chip == "rp2040"
    fault = check_uf2(data) if is_uf2 else check_esp32(data)
    if fault:
        raise ImageError(
            f"{name} is no MicroPython image for this board: {fault}. The right one is"
            f" {DOWNLOADS}{IMAGES[board]}"
        )
    version = version_of(_pages(data) if is_uf2 else data)
    try:
        if version:
            check_version(version, TARGETS[board].chip, insisted)
    except VersionError as error:
        raise ImageError(f"{name}: {error}") from None
    return data


def _pages(data: bytes) -> bytes:
    """Return what a UF2 puts into the flash."""
    return b"".join(block[8][: block[4]] for block in _UF2.iter_unpack(data))


def check_uf2(data: bytes) -> str | None:
    """Return the fault of a UF2 for the Pico, in words, or None."""
    if not data or len(data) % _UF2.size:
        return f"its {len(data):,} bytes are not whole UF2 blocks of {_UF2.size}"
    count = len(data) // _UF2.size
    seen: set[int] = set()
    content: list[bytes] = []
    for number, block in enumerate(_UF2.iter_unpack(data)):
        fault = _block_fault(block, number, count)
        if fault:
            return f"block {number}: {fault}"
        if not block[2] & _NOT_FLASH:
            seen.add(block[3])
            content.append(block[8][: block[4]])
    if len(seen) != len(content):
        return "two blocks have the same address"
    if _FLASH.start not in seen:
        return "nothing is at the start of the flash"
    if b" with RP2040" not in b"".join(content):
        return "it does not call itself MicroPython for an RP2040"
    return None


def _block_fault(block: tuple[Any, ...], number: int, count: int) -> str | None:
    first, second, flags, address, length, at, total, family, _, last = block
    if (first, second, last) != _UF2_MAGIC:
        return "its magic numbers are not UF2's"
    if (at, total) != (number, count):
        return (
            f"it calls itself {at} of {total}, but is {number} of {count}; a download cut short?"
        )
    if not flags & _HAS_FAMILY or family != _RP2040:
        return f"it is for another chip (family {family:#010x}, an RP2040 is {_RP2040:#010x})"
    if flags & _NOT_FLASH:
        return None
    if length != _PAGE or address % _PAGE or address not in _FLASH:
        return f"{length} bytes at {address:#010x} are not a page of the Pico's flash"
    return None


def check_esp32(data: bytes) -> str | None:
    """Return the fault of an image for the ESP32, in words, or None."""
    if len(data) < 0x10000 or data[0] != _ESP_MAGIC:
        return "it does not begin with a boot loader"
    chip = int.from_bytes(data[12:14], "little")
    if chip != _ESP32:
        return f"it is for another chip (number {chip}, an ESP32 is {_ESP32})"
    if len(data) + _ESP32_PLACE > _ESP32_FLASH:
        return f"its {len(data):,} bytes are more than the flash holds"
    return None
