"""A checkout for the simulator with a fault or a probe planted in the firmware."""

import shutil
from pathlib import Path

from tools.interpreter import simulator_with
from tools.paths import ROOT
from tools.proofs.simulator import Sim


def plant(folder, changes=None, board=""):
    """Make `folder` (new) a checkout with lines (`board`) appended to board/sim.py; return the
    path.

    `changes`: (file, old text) -> new text. Raises ValueError unless the old text occurs once.
    """
    root = Path(folder)
    (root / "board").mkdir(parents=True)
    for name in ("boot.py", "lib"):
        (root / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "main.py", root)
    shutil.copytree(ROOT / "firmware", root / "firmware")
    shutil.copy(ROOT / "board" / "__init__.py", root / "board")
    data = (ROOT / "board" / "sim.py").read_text()
    (root / "board" / "sim.py").write_text(data + board)
    for (file, old), new in (changes or {}).items():
        source = (root / file).read_text()
        if source.count(old) != 1:
            raise ValueError(f"{file} does not have this once: {old}")
        (root / file).write_text(source.replace(old, new))
    return root


def planted_sim(root, **options):
    """Return a Sim, not yet started, of the checkout at `root`. Options are run.py's."""
    return Sim(command=simulator_with({"root": str(root)} | options, heap="16m"))
