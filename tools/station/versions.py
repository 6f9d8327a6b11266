"""The MicroPython versions on which the firmware runs, and the check of the token engine there.

The lowest version of each chip, with the reason, is `LOWEST` in firmware/__init__.py, which the
unit compares at every start, too.
"""

import re
import runpy

import click

from tools.paths import ROOT
from tools.station.prompt import Prompt, RefusedError

LOWEST: dict[str, tuple[int, ...]] = runpy.run_path(str(ROOT / "firmware" / "__init__.py"))[
    "LOWEST"
]
TESTED = (1, 28)
"""Major and minor version of the official images that this checkout was tested with."""
# SipHash-2-4's published vector (Aumasson, Bernstein: SipHash, appendix A), and OpenPAYGO Token's
# published example: the first token of count 2, one day.
VECTORS = """
import opaygo
print(opaygo.siphash24(bytes(range(16)), bytes(range(15))).hex())
_device = opaygo.Device(bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1"), 123456789)
print(*opaygo.judge(_device, opaygo.new_state(1), "662486790")[0][:3])
"""
RIGHT = ["e545be4961ca29a1", "ADD_TIME 1 2"]
_NAMED = re.compile(rb"MicroPython v(\d+)\.(\d+)(?:\.(\d+))?")


untested_option = click.option(
    "--untested-version",
    is_flag=True,
    help="Insist, with a MicroPython that this checkout was not tested with.",
)


class VersionError(Exception):
    """This MicroPython is too old or was never tested; the text says what to do."""


def check_version(found: tuple[int, ...], chip: str, insisted: bool) -> None:
    """Raise VersionError unless `found`, such as (1, 28, 0), is a version for this firmware.

    chip: a key of LOWEST; insisted: an untested version will do.
    """
    name, lowest = words(found), LOWEST[chip]
    if found[: len(lowest)] < lowest:
        raise VersionError(
            f"this is MicroPython {name}, and the firmware needs {words(lowest)} or later on"
            f" {chip.upper()}: with {name} the token engine does not run. Nothing was changed. Put"
            f" MicroPython {words(TESTED)} on the board (`payg flash`)"
        )
    if found[:2] != TESTED and not insisted:
        raise VersionError(
            f"this is MicroPython {name}, and the firmware was tested with {words(TESTED)} only."
            f" Nothing was changed. Put {words(TESTED)} on the board (`payg flash`), or insist"
            " with --untested-version"
        )


def words(version: tuple[int, ...]) -> str:
    """Return a version as 1.28.0."""
    return ".".join(str(part) for part in version)


def version_of(image: bytes) -> tuple[int, ...] | None:
    """Return the version that an image's banner names, or None."""
    named = _NAMED.search(image)
    return tuple(int(part or 0) for part in named.groups()) if named else None


def engine_fault(prompt: Prompt) -> str | None:
    """Return None if the token engine of the unit at `prompt` is right, else the fault in words.

    Raises PortError.
    """
    try:
        if prompt.run(VECTORS).splitlines() == RIGHT:
            return None
        fault = "computes wrongly"
    except RefusedError as error:
        fault = f"fails ({error})"
    return (
        f"the token engine {fault} on this board. Put the official MicroPython"
        f" {words(TESTED)} on the board (`payg flash`), then `payg deploy`"
    )
