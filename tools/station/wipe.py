"""`payg wipe`: a unit in service mode becomes blank again.

The ledger gets the unit's count first. Then the unit loses its identity, before all other records:
a cable pulled midway leaves the unit as it was, or blank.
"""

from typing import NamedTuple

from tools.station.prompt import Prompt, RefusedError

WHO = """
from firmware.console import key_check
unit = controller.unit
who = unit.identity
if who:
    left = "free" if unit.free() else unit.seconds_left()
    print(who.serial, key_check(who.key), unit.count(), left)
"""
# The calibration belongs to the board. Identity first: records without one are never believed.
ERASE = """
import os
names = os.listdir("state")
names.sort(key=lambda name: not name.startswith("identity."))
for name in names:
    if not name.startswith("calibration"):
        os.remove("state/" + name)
print(os.listdir("state"))
"""


class WipeError(Exception):
    """The unit was not wiped; the text says why and what to do next."""


class Found(NamedTuple):
    """The unit at the prompt. left: paid seconds, None for a unit that is unlocked for good."""

    serial: str
    key_check: str
    count: int  # type: ignore[assignment]  # tuple.count
    left: int | None


def who(prompt: Prompt) -> Found | None:
    """Return the identity and state of the unit at `prompt`, None for a blank unit.

    Raises WipeError, PortError.
    """
    try:
        fields = prompt.run(WHO).split()
        if not fields:
            return None
        serial, check, count, left = fields
        return Found(serial, check, int(count), None if left == "free" else int(left))
    except (RefusedError, ValueError) as error:
        raise WipeError(
            f"no firmware of this version runs on the unit ({error}). Nothing was changed. Run"
            " `payg deploy`, which restarts the unit; then begin with the service token again"
        ) from None


def erase(prompt: Prompt) -> None:
    """Remove the unit's identity, then all records, and restart the unit.

    Raises WipeError, PortError: the same command again finishes the work.
    """
    try:
        left = prompt.run(ERASE).strip()
    except RefusedError as error:
        raise WipeError(
            f"the unit reports {error}. Enter a new service token, which is issued for a"
            " wiped unit, too, and repeat the same command; if that happens again, the board's"
            " flash is worn: take another board"
        ) from None
    if "identity" in left:
        raise WipeError("the unit still has its identity. Repeat the same command")
    prompt.restart()
