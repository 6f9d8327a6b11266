r"""`payg sim --pico --headless`: the session of the fast simulator on an emulated Pico.

    OPTIONS='{"serial": "A1", "key": "…32 hex digits…", "image": "…"}' \
        python -m tools.emulator.run '$OPTIONS'

The options are those of tools/sim/run.py, and `image`, the path of MicroPython's UF2. An argument
`$NAME` names the environment variable with the options: other users see a command's arguments.
The commands are the same; `flash wipe` leaves a file system with nothing but the build.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from tools.emulator.image import NoPicoError, find_image
from tools.emulator.unit import EmulatedUnit, say
from tools.identity import Identity
from tools.sim.keep import KeepError
from tools.sim.parts import ChipError
from tools.station.build import BuildError


def identity_of(options: Mapping[str, Any]) -> Identity | None:
    """Return the Identity in the options, None without a key."""
    if not options.get("key"):
        return None
    fields = {name: options[name] for name in Identity._fields if options.get(name) is not None}
    return Identity(**dict(fields, key=bytes.fromhex(options["key"])))


def options_of(text: str) -> dict[str, Any]:
    """Return the options in an argument, or in the environment variable of an argument `$NAME`."""
    if text.startswith("$"):
        text = os.environ[text[1:]]
    options: dict[str, Any] = json.loads(text or "{}")
    return options


def _refuse(text: str) -> int:
    print(json.dumps({"error": text}), flush=True)
    return 2


def main(arguments: list[str]) -> int:
    """Run one emulated unit on standard input and output; return the exit status."""
    options = options_of("".join(arguments))
    try:
        image = find_image(options.get("image"), say)
        unit = EmulatedUnit(image, identity_of(options), options.get("state"))
    except NoPicoError as error:
        return _refuse(str(error))
    except BuildError as error:
        return _refuse(str(error))
    except (KeepError, OSError) as error:
        return _refuse(f"the state cannot be used: {error}")
    say("Starting the emulated Pico takes about ten seconds ...")
    session = unit.session(sys.stdin.buffer.readline, lambda text: print(text, flush=True))
    try:
        return unit.serve(session)
    except ChipError as error:
        session.fail(f"the firmware used a chip as its datasheet forbids: {error}")
    except BrokenPipeError:
        pass  # the reader is gone
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
