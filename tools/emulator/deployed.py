"""The emulated flash as left by a factory: the build, placed as by `payg deploy`."""

import tempfile
from pathlib import Path

from tools.station.build import build
from tools.station.littlefs import add_tree


def deployed(files: bytes | None = None, custom: Path | None = None) -> bytes:
    """Return the bytes of a file system that holds this checkout's build for the Pico.

    `files`: bytes of the file system to be filled, or of an erased flash, or None for an empty
    file system; `custom`: a board file in place of the Pico's own. Raises
    tools.station.build.BuildError.
    """
    if files is not None and not files.strip(b"\xff"):
        files = None
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        build("pico", tree, custom)
        system, _ = add_tree(tree, files)
        return system
