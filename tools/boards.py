"""The boards that there are: every file in board/ that names its chip, but for the simulator's."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tools.paths import ROOT

ARCHITECTURES = {"rp2040": "armv6m", "esp32": "xtensawin"}  # mpy-cross's names
ALIASES = {"esp32_devkit": "esp32"}


class Board(NamedTuple):
    """`module`: name below `board/`; `found`: the interpreter of this chip leads to this board."""

    module: str
    chip: str
    arch: str
    found: bool


def load(name: str) -> ModuleType:
    """Return the data of `board/NAME.py`, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "board" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _boards() -> Iterator[tuple[str, Board]]:
    marks = (ROOT / "board" / "__init__.py").read_text()
    for path in sorted((ROOT / "board").glob("*.py")):
        if path.stem in ("__init__", "custom", "sim"):
            continue
        chip = _chip(path)
        arch = ARCHITECTURES[chip]
        name = ALIASES.get(path.stem, path.stem)
        yield name, Board(path.stem, chip, arch, f'"{path.stem}"' in marks)


def _chip(path: Path) -> str:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHIP":
            return str(ast.literal_eval(node.value))
    raise ValueError(f"{path.name} does not say which CHIP it has")


_CHIPS = list(ARCHITECTURES)
BOARDS = dict(
    sorted(_boards(), key=lambda item: (not item[1].found, _CHIPS.index(item[1].chip), item[0]))
)
