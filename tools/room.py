"""Room in a unit's file system: sectors taken by files, sectors that must stay free for records.

littlefs writes each record somewhere else, so that few free sectors wear out early. With twelve
free sectors, as `os.statvfs` counts, ten years of records erase a sector 72,800 times at most;
flash is good for 100,000 (docs/storage.md, `make bench ARGS='--only store'`).
"""

from collections.abc import Iterable, Mapping

SECTOR = 4096  # bytes
LEAST = 12  # free sectors on a unit with firmware
FILE_SYSTEMS = {"rp2040": 352, "esp32": 512}  # sectors that MicroPython's images leave for files
ROOT = 2  # sectors of an empty file system
FOLDER = 4  # of each folder, as statvfs counts: littlefs counts both sectors twice
_INLINE = 512  # bytes of a file that may lie in the folder's sectors


def sectors(length: int) -> int:
    """Return how many sectors a file of `length` bytes takes, at least one.

    From littlefs's design: a file's second and later sectors begin with pointers.
    """
    number = 1
    length -= SECTOR
    while length > 0:
        length -= SECTOR - 4 * (number & -number).bit_length()
        number += 1
    return number


def freed(length: int) -> int:
    """Return how many sectors are surely free after the removal of a file of `length` bytes."""
    return 0 if length <= _INLINE else sectors(length)


def folders(names: Iterable[str]) -> set[str]:
    """Return the folders of files with these names ("lib/opaygo/chain.py")."""
    found: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            found.add(name)
    return found


def taken(lengths: Mapping[str, int]) -> int:
    """Return how many sectors of an empty file system a tree takes; lengths: {name: bytes}."""
    return ROOT + FOLDER * len(folders(lengths)) + sum(map(sectors, lengths.values()))


def too_little(free: int) -> str | None:
    """Return why this number of free sectors is too low, in words, or None when enough."""
    if free >= LEAST:
        return None
    return (
        f"the file system keeps {max(0, free)} free sectors of {SECTOR} bytes, {LEAST} are needed:"
        " with fewer the records wear the flash out within ten years"
    )
