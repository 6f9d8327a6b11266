"""`payg deploy`: the tree of `payg build` onto a unit, through mpremote; only changed files.

Each file is written under a temporary name and renamed once complete. `main.py` is removed first
and returns last, after all other files were read back. A unit whose cable was pulled midway has no
`main.py`: the load stays off and the prompt waits for another `payg deploy`. Half of one version
never runs with half of another. `state/` is never touched.
"""

import binascii
import contextlib
import errno
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tools import room
from tools.station.build import TARGETS, Manifest, build, size
from tools.station.prompt import PortError, Prompt, RefusedError, board_of, strange
from tools.station.versions import VersionError, check_version, words

NEW = ".new"  # a file that is not complete yet, or not yet allowed to be there
LAST = "main.py"
PART = 768  # bytes of a file in one go: 1024 characters in base64
# Everything at these places is the firmware's: files not in the manifest are removed.
LOOK = """
import binascii, hashlib, os, sys
def look(path, kind):
    if kind & 0x4000:
        for entry in os.ilistdir(path):
            look(path + "/" + entry[0], entry[1])
        return
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            part = file.read(512)
            if not part:
                break
            digest.update(part)
    print(binascii.hexlify(digest.digest()).decode(), os.stat(path)[6], path)
for entry in os.ilistdir():
    name = entry[0]
    if name in ("firmware", "board", "lib") or name.split(".")[0] in ("boot", "main"):
        look(name, entry[1])
"""
ASK = """
import os, sys
print(sys.implementation._machine)
print(".".join(str(part) for part in sys.implementation.version[:3]))
"""
IS_BLANK = "print('controller' in globals() and controller.unit.identity is None)"
FREE = "import os\nfound = os.statvfs('.')\nprint(found[0] * found[3])"  # bytes
BEGIN = """
import binascii, os
def folders(path):
    at = path.find("/")
    while at >= 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != 17:
                raise
        at = path.find("/", at + 1)
def part(text):
    file.write(binascii.a2b_base64(text))
"""


FileDigests = dict[str, tuple[str, int]]
"""{path: (SHA-256 in hex, bytes)}."""


class DeployError(Exception):
    """The unit has not got the tree; the text says why and what to do next."""


def look(prompt: Prompt) -> FileDigests:
    """Return the path, SHA-256 and length of all files at the firmware's places.

    Raises PortError, RefusedError.
    """
    found = {}
    try:
        for line in prompt.run(LOOK).splitlines():
            digest, length, path = line.split(" ", 2)
            found[path] = (digest, int(length))
    except ValueError:
        raise PortError(strange(prompt.port)) from None
    return found


def free_bytes(prompt: Prompt) -> int:
    """Return the free bytes of the unit's file system. Raises PortError, RefusedError."""
    try:
        return int(prompt.run(FREE))
    except ValueError:
        raise PortError(strange(prompt.port)) from None


def wanted(manifest: Manifest) -> FileDigests:
    """Return the same of a manifest of tools.station.build."""
    return {name: (file["sha256"], file["size"]) for name, file in manifest["files"].items()}


def deploy(
    prompt: Prompt, tree: Path, manifest: Manifest, say: Callable[[str], None]
) -> tuple[int, int]:
    """Give the unit exactly the files of `manifest`, found below `tree`, at the firmware's places.

    `say` gets a line of progress per file. Returns (files sent, files removed). Raises
    DeployError, PortError, RefusedError.
    """
    want, have = wanted(manifest), look(prompt)
    changed = sorted(name for name in want if have.get(name) != want[name])
    gone = sorted(have.keys() - want.keys())
    if not changed and not gone:
        return 0, 0
    _check_room(prompt, want, have, changed, gone)
    if LAST not in changed:
        changed.append(LAST)
    changed.sort(key=lambda name: (name == LAST, name))
    if LAST in have:
        _remove(prompt, LAST)
    for name in gone:
        say(f"remove    {name}")
        _remove(prompt, name)
    prompt.run(BEGIN)
    for number, name in enumerate(changed, 1):
        say(f"{number:3}/{len(changed)}  {name:28} {want[name][1]:7,} bytes")
        _send(prompt, name, (tree / name).read_bytes())
    _verify(look(prompt), want)
    _rename(prompt, LAST)
    return len(changed), len(gone)


def _check_room(
    prompt: Prompt, want: FileDigests, have: FileDigests, changed: list[str], gone: list[str]
) -> None:
    """Refuse, before any change, a tree that does not fit or leaves too little for the records."""
    new, old = ({name: length for name, (_, length) in files.items()} for files in (want, have))
    before = after = free_bytes(prompt) // room.SECTOR
    after += sum(room.freed(old[name]) for name in gone)
    after -= room.FOLDER * len(room.folders(new) - room.folders(old))
    lowest = after
    for name in changed:
        taken = room.sectors(new[name])
        lowest = min(lowest, after - taken)  # for a moment the file is there twice
        after -= taken - room.freed(old.get(name, 0))
    missing = max(room.LEAST - after, -lowest)
    if missing > 0:
        why = room.too_little(after) or "replacing files one by one needs more"
        raise DeployError(
            f"the unit's file system is too full, {before} sectors are free. With this firmware"
            f" {why}. Nothing was changed. Delete files on it that are not the firmware's,"
            f" {missing} sectors in all"
        )


def _remove(prompt: Prompt, name: str) -> None:
    prompt.run(f"import os\nos.remove({name!r})")


def _rename(prompt: Prompt, name: str) -> None:
    prompt.run(f"import os\nos.rename({name + NEW!r}, {name!r})")


def _send(prompt: Prompt, name: str, data: bytes) -> None:
    """Write one file and rename it once complete; LAST keeps the temporary name."""
    try:
        prompt.run(f"folders({name!r})\nfile = open({name + NEW!r}, 'wb')")
        for at in range(0, len(data), PART):
            text = binascii.b2a_base64(data[at : at + PART], newline=False)
            prompt.run(f"part({text!r})")
        prompt.run("file.close()")
        if name != LAST:
            _rename(prompt, name)
    except RefusedError as error:
        with contextlib.suppress(RefusedError):
            prompt.run("file.close()")
        with contextlib.suppress(RefusedError):
            _remove(prompt, name + NEW)
        if error.number == errno.ENOSPC:
            free = free_bytes(prompt)
            raise DeployError(
                f"the unit's file system is full: {free:,} bytes are free, {name} takes"
                f" {len(data):,}. The load stays off. Delete files on it that are not the"
                " firmware's, then repeat the same command"
            ) from error
        raise


def _verify(have: FileDigests, want: FileDigests) -> None:
    expected = {name + NEW if name == LAST else name: file for name, file in want.items()}
    wrong = sorted(name for name in expected if have.get(name) != expected[name])
    if wrong:
        raise DeployError(
            f"{', '.join(wrong)} read back wrong. The load stays off. Repeat the same command; if"
            " it happens again, the board's flash is worn: take another board"
        )


def check_board(prompt: Prompt, board: str | None, insisted: bool = False) -> tuple[str, str]:
    """Return (board, description) of the unit; `board` is the wish of the user, or None.

    Raises DeployError if the unit is another board or an unknown board, or its MicroPython is too
    old, or untested and not `insisted` on; PortError, RefusedError.
    """
    machine, version = _machine(prompt)
    found = board_of(machine)
    if found and board and not TARGETS[board].found and TARGETS[board].chip == TARGETS[found].chip:
        found = board  # MicroPython tells chips apart, not the boards around one chip
    if found is None or (board and found != board):
        wish = f"no {board}" if board else f"none of {', '.join(TARGETS)}"
        raise DeployError(
            f'the unit on {prompt.port} is {wish}: it calls itself "{machine}". Nothing was'
            " changed. Name the board that it is, or the port of another unit"
        )
    _check_version(prompt.port, found, version, insisted)
    return found, f"{machine}, MicroPython {words(version)}"


def check_micropython(prompt: Prompt, insisted: bool) -> None:
    """Raise DeployError for a MicroPython that is too old, or untested and not insisted on."""
    machine, version = _machine(prompt)
    found = board_of(machine)
    if found:  # else: the simulator's own board
        _check_version(prompt.port, found, version, insisted)


def _machine(prompt: Prompt) -> tuple[str, tuple[int, ...]]:
    """Return the unit's name for itself and the version of its MicroPython. Raises PortError."""
    try:
        machine, version = prompt.run(ASK).splitlines()
        return machine, tuple(int(part) for part in version.split("."))
    except ValueError:
        raise PortError(strange(prompt.port)) from None


def _check_version(port: str, board: str, version: tuple[int, ...], insisted: bool) -> None:
    try:
        check_version(version, TARGETS[board].chip, insisted)
    except VersionError as error:
        raise DeployError(f"{port}: {error}") from None


def check_custom(files: FileDigests, board: str | None, custom: Path | None) -> None:
    """Raise DeployError if a unit with a board file of its own would get another board's pins."""
    if not board and not custom and any(name.startswith("board/custom.") for name in files):
        raise DeployError(
            "the unit has a board file of its own. Nothing was changed. Name the file with"
            " --custom FILE, or the board that it is to be with --board"
        )


@contextlib.contextmanager
def running_again(prompt: Prompt) -> Iterator[None]:
    """Restart a blank unit whose firmware was stopped, if the with-block refuses the unit."""
    try:
        yield
    except DeployError:
        if prompt.run(IS_BLANK).strip() == "True":
            prompt.restart()
        raise


def onto(
    port: str,
    board: str | None,
    custom: Path | None,
    say: Callable[[str], None],
    insisted: bool = False,
) -> None:
    """Deploy to the unit on `port`, restart it, and tell about it through `say`.

    insisted: also with an untested MicroPython.
    """
    with Prompt(port) as prompt, tempfile.TemporaryDirectory() as folder, running_again(prompt):
        wish = board
        board, description = check_board(prompt, board, insisted)
        say(f"{port}: {description}")
        check_custom(look(prompt), wish, custom)
        tree = Path(folder, "tree")
        manifest = build(board, tree, custom)
        sent, removed = deploy(prompt, tree, manifest, say)
        total = len(manifest["files"])
        say(
            f"{sent} of {total} files sent, {removed} removed; all {total} read back right"
            f" ({size(manifest):,} bytes). The unit restarts."
        )
        prompt.restart()
