"""What a factory leaves in the emulated flash: the build, as `payg deploy` puts it there."""

import tempfile
from pathlib import Path

from tools.station.build import build
from tools.station.littlefs import add_tree


def deployed(files: bytes | None = None, custom: Path | None = None) -> bytes:
    """Return the bytes of a file system that holds this checkout's build for the Pico.

    `files`: bytes of a file system to put it into, or of an erased flash, or None for an empty
    one; `custom`: a board file in place of the Pico's own. Raises tools.station.build.BuildError.
    """
    if files is not None and not files.strip(b"\xff"):
        files = None
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        build("pico", tree, custom)
        image, _ = add_tree(tree, files)
        return image
