"""The size of the build in bytes, and in the board's flash."""

import tempfile
from pathlib import Path

from tools.benchmarks.tokens import row
from tools.room import SECTOR
from tools.station.build import LIMIT, MANIFEST, TARGETS, build, size
from tools.station.littlefs import add_tree


def main() -> None:
    """Print the rows of each board."""
    for board in TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder, board)
            manifest = build(board, tree)
            total = size(manifest) + (tree / MANIFEST).stat().st_size
            _, sectors = add_tree(tree)
        row(bench="build_bytes", board=board, value=total, limit=LIMIT)
        row(bench="build_files", board=board, value=len(manifest["files"]))
        row(bench="build_flash_bytes", board=board, value=sectors * SECTOR)


if __name__ == "__main__":
    main()
