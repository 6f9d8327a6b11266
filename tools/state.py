"""The folder of `payg sim --state`: it knows its board, and one process at a time uses it.

The unit's key lies in `flash.bin` in plain text: only the owner may read the folder's files.
"""

import contextlib
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType

import click

NOTE = "unit.json"
LOCK = "lock"
PRIVATE = 0o077  # umask: files 0600, folders 0700


class StateError(click.ClickException):
    """The folder is in use, or is another board's; the text says what to do."""


class StateFolder:
    """A folder that this process, and whatever it executes, has to itself until `close`.

    `board`: one of tools.boards.BOARDS, or None for the simulator's own. A new folder takes note
    of the board asked for; an old one says which it is; a damaged note is made anew. From now on
    every new file of this process, and of whatever it executes, is the owner's alone. Raises
    StateError, OSError.
    """

    def __init__(self, folder: Path, board: str | None) -> None:
        os.umask(PRIVATE)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        os.set_inheritable(self._lock, True)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise StateError(
                f"the unit in {folder} is in use by another program: end that one first"
            ) from None
        try:
            self.board = self._settle(folder, board)
            _close_to_others(folder)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "StateFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others use the folder."""
        os.close(self._lock)

    @staticmethod
    def _settle(folder: Path, board: str | None) -> str | None:
        """Return the folder's board; take note of it in a new folder."""
        note = folder / NOTE
        try:
            known = json.loads(note.read_text())["board"]
        except FileNotFoundError:
            if (folder / "flash.bin").exists() and board is None:
                return None  # made before folders took note: the simulator's own board
            _write(note, board)
            return board
        except (ValueError, TypeError, KeyError):
            if board is None:
                raise StateError(
                    f"{note} is damaged, which names the unit's board. Name the board with"
                    " --board, or delete the folder: then a new unit is made"
                ) from None
            _write(note, board)
            return board
        if board not in (None, known):
            raise StateError(
                f"the unit in {folder} is a {known or 'simulator board'}, not a {board}:"
                " leave --board out, or name a new folder"
            )
        return str(known) if known else None


def _write(note: Path, board: str | None) -> None:
    """Write the note whole, or not at all. Raises StateError."""
    new = note.with_suffix(".new")
    try:
        new.write_text(json.dumps({"board": board}) + "\n")
        new.replace(note)
    except OSError as error:
        raise StateError(f"{note}: {error.strerror}") from None


def _close_to_others(folder: Path) -> None:
    """Take the rights of others from the unit's files, which an earlier version left open."""
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode & PRIVATE:
            with contextlib.suppress(PermissionError):  # another user's file
                file.chmod(0o600)
