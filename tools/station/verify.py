"""`payg verify`: does a unit run this checkout's build, with the identity of the list?

At a prompt (before sealing, or in service mode) every file is compared, byte for byte by SHA-256.
A sealed unit shows no files and is known by the key check value, which covers the key only.
"""

import runpy
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.paths import ROOT
from tools.station.build import build
from tools.station.console import ConsoleError, knock
from tools.station.deploy import (
    FileDigests,
    check_board,
    check_custom,
    look,
    running_again,
    wanted,
)
from tools.station.prompt import Prompt, strange, unseal
from tools.station.selftest import KNOCK, key_check
from tools.station.versions import engine_fault

WHO = """
try:
    from firmware.console import key_check
    who = controller.unit.identity
    print(who.serial + " " + key_check(who.key) if who else "blank")
except (ImportError, NameError):
    print("bare")
"""


class VerifyError(Exception):
    """The unit differs; the text says in which way and what to do next."""


def verify(
    port: str,
    board: str | None,
    custom: Path | None,
    rows: Mapping[str, bytes] | None,
    say: Callable[[str], None],
    insisted: bool = False,
) -> None:
    """Compare the unit on `port`; `rows`: {serial: key} of a list, or None.

    `say` gets lines about the unit; insisted: an untested MicroPython will do. Raises VerifyError,
    DeployError, PortError, ConsoleError, RefusedError.
    """
    try:
        fields = knock(port, KNOCK)
    except ConsoleError:
        fields = [""]  # at its prompt, or dead: reaching for the prompt tells which
    if fields[0]:
        if len(fields) != 4:
            raise VerifyError(strange(port))
        _sealed(fields, rows, say)
        return
    with Prompt(port) as prompt, tempfile.TemporaryDirectory() as folder:
        with running_again(prompt):
            found, description = check_board(prompt, board, insisted)
        say(f"{port}: {description}")
        files = look(prompt)
        check_custom(files, board, custom)
        manifest = build(found, Path(folder, "tree"), custom)
        _compare(files, wanted(manifest), say)
        who = prompt.run(WHO).split()
        fault = None if who == ["bare"] else engine_fault(prompt)
        if fault:
            raise VerifyError(fault)
        if who != ["bare"]:
            say("The token engine computes two published examples right.")
        if who == ["blank"]:
            say("The unit has no identity yet. It restarts.")
            prompt.restart()
        elif len(who) == 2:
            _check(who[0], who[1], rows, say)
            say("The unit is in service mode, which ends by itself or when it restarts.")
        else:
            say("Its firmware does not run.")


def _compare(have: FileDigests, want: FileDigests, say: Callable[[str], None]) -> None:
    """Compare the unit's files with the build's; {path: (SHA-256, bytes)}. Raises VerifyError."""
    wrong = [f"{name} is missing" for name in sorted(want.keys() - have.keys())]
    wrong += [f"{name} is not of this build" for name in sorted(have.keys() - want.keys())]
    wrong += [
        f"{name} differs" for name in sorted(have.keys() & want.keys()) if have[name] != want[name]
    ]
    for line in wrong:
        say(line)
    if wrong:
        raise VerifyError(
            f"{len(wrong)} files are not as this checkout builds them. `payg deploy` makes them so"
        )
    say(f"All {len(want)} files are byte for byte this checkout's, lib/opaygo among them.")


def _sealed(
    fields: list[str], rows: Mapping[str, bytes] | None, say: Callable[[str], None]
) -> None:
    """Tell about a sealed unit from the answer to `#ID`. Raises VerifyError."""
    serial, check, count, version = fields
    say(f"Sealed     Ctrl-C stops nothing; count {count}")
    _check(serial, check, rows, say)
    ours = runpy.run_path(str(ROOT / "firmware" / "__init__.py"))["VERSION"]
    if version != ours:
        raise VerifyError(
            f"the unit runs firmware {version}, this checkout is {ours}. To change it, unseal the"
            f" unit by the token of `{unseal(serial)}` (FILE: its list), then `payg deploy`"
        )
    say(f"Firmware   {version}, by its own word")
    say("Its files were not read: a sealed unit shows none. In service mode they can be compared.")


def _check(
    serial: str, check: str, rows: Mapping[str, bytes] | None, say: Callable[[str], None]
) -> None:
    """Compare a unit's identity with the list. Raises VerifyError."""
    say(f"Serial     {serial}")
    if rows is None:
        say(f"Key check  {check}; not compared, name the list by --batch")
        return
    if serial not in rows:
        raise VerifyError(f"{serial} is not in this list. Name the list that it was made with")
    if key_check(rows[serial]) != check:
        raise VerifyError(
            f"{serial} has another key than the list: no token of the list's would work. Take the"
            " unit aside and find the list that it was made with"
        )
    say(f"Key check  {check}, as the list has it")
    say("Code       the starting code cannot be compared: a first token of the list tells")
